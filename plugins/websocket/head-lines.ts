/**
 * Header lines as flat `[name, value, …]` lists, one JavaScript character a byte (latin1): checking, looking up and
 * writing them (RFC 9110 §5, RFC 9112 §5).
 */

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~"

const tokenCodes = new Uint8Array(256)
for (const character of TOKEN_PUNCTUATION) tokenCodes[character.charCodeAt(0)] = 1
for (let code = 0x30; code <= 0x39; code++) tokenCodes[code] = 1
for (let code = 0x41; code <= 0x5a; code++) {
  tokenCodes[code] = 1
  tokenCodes[code + 0x20] = 1
}

/** A token of RFC 9110 §5.6.2, never empty. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (tokenCodes[text.charCodeAt(i)] !== 1) return false
  return text.length > 0
}

/** A field value or reason phrase: no control character but the tab, nothing above one byte (RFC 9110 §5.5). */
export function isFieldText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}

/** A request target without space or control character. */
export function isTargetText(text: string): boolean {
  return isFieldText(text) && text.length > 0 && !text.includes(' ') && !text.includes('\t')
}

/** The values of a field in the order of the lines; `name` in lower case. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) values.push(headers[i + 1]!)
  return values
}

/** The members of a comma-separated field over all its lines, in lower case; `name` in lower case. */
export function tokensOf(headers: readonly string[], name: string): string[] {
  return valuesOf(headers, name).flatMap(splitTokens)
}

/** The members of one comma-separated value in lower case, empty ones left out. */
export function splitTokens(value: string): string[] {
  return value
    .split(',')
    .map(member => member.trim().toLowerCase())
    .filter(member => member !== '')
}

/** True when every line can go on the wire as it is. */
export function areValidLines(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]
    if (value === undefined || !isToken(headers[i]!) || !isFieldText(value)) return false
  }
  return true
}

/** A whole head: the first line, the header lines, the empty line. The lines must be valid. */
export function encodeHead(firstLine: string, headers: readonly string[]): Buffer {
  let text = `${firstLine}\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}
