/** What is ambiguous or forbidden in a request head or trailer section as it was forwarded (RFC 9112 §2–6, RFC 9110 §5, §6.5.1). */

const LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.1$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/
const NOT_IN_TRAILERS = ['content-length', 'transfer-encoding', 'host', 'authorization', 'trailer', 'content-encoding']

/** `head` without the empty line at its end, one character a byte. */
export function headFaults(head: string): string[] {
  const [line = '', ...lines] = head.split('\r\n')
  const faults = LINE.test(line) ? [] : ['a malformed request line']
  const values = new Map<string, string[]>()
  for (const text of lines) {
    const field = FIELD.exec(text)
    if (field === null) faults.push(`a malformed line ${JSON.stringify(text.slice(0, 80))}`)
    else {
      const name = (field[1] as string).toLowerCase()
      values.set(name, [...(values.get(name) ?? []), (field[2] as string).trim()])
    }
  }
  return [...faults, ...framingFaults(values)]
}

function framingFaults(values: ReadonlyMap<string, string[]>): string[] {
  const faults: string[] = []
  const length = values.get('content-length')
  const coding = values.get('transfer-encoding')
  if (values.get('host')?.length !== 1) faults.push(`${values.get('host')?.length ?? 0} Host lines`)
  if (length !== undefined && (length.length !== 1 || !/^[0-9]{1,15}$/.test(length[0] as string)))
    faults.push(`Content-Length ${JSON.stringify(length)}`)
  if (coding !== undefined && (coding.length !== 1 || coding[0]?.toLowerCase() !== 'chunked'))
    faults.push(`Transfer-Encoding ${JSON.stringify(coding)}`)
  if (length !== undefined && coding !== undefined) faults.push('Content-Length beside Transfer-Encoding')
  return faults
}

export function trailerFaults(lines: readonly string[]): string[] {
  return lines.flatMap(text => {
    const name = FIELD.exec(text)?.[1]?.toLowerCase()
    if (name === undefined) return [`a malformed trailer ${JSON.stringify(text.slice(0, 80))}`]
    return NOT_IN_TRAILERS.includes(name) ? [`${name} among the trailers`] : []
  })
}
