/**
 * A client on a raw socket: sends any bytes, reads until a condition holds, and parses one answer for comparison.
 */
import { once } from 'node:events'
import net from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly line: string
  readonly lines: string[]
  /** Lower-case names; repeated values joined by a line feed. */
  readonly headers: Record<string, string>
  readonly body: Buffer
  /** The framing of the body was complete. */
  readonly isWhole: boolean
  readonly trailers: string[]
}

export class RawClient {
  readonly socket: net.Socket
  closed = false
  #joined: Buffer = Buffer.alloc(0)
  /** What came since somebody looked: joining each piece at once would copy a long answer once a piece. */
  #pieces: Buffer[] = []
  #length = 0
  /** Resolved and replaced whenever something happens on the socket. */
  #change = Promise.withResolvers<void>()

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('error', () => {})
    this.socket.on('data', chunk => {
      this.#pieces.push(chunk)
      this.#length += chunk.length
      this.#wake()
    })
    this.socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  /** What was received and is not taken by `answer`. */
  get received(): Buffer {
    if (this.#pieces.length > 0) this.received = Buffer.concat([this.#joined, ...this.#pieces])
    return this.#joined
  }

  set received(bytes: Buffer) {
    this.#joined = bytes
    this.#pieces = []
    this.#length = bytes.length
  }

  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** Resolves when `holds` is true of what was received, or rejects after `ms`. */
  async until(holds: (text: string) => boolean, ms = 5_000): Promise<string> {
    const deadline = Date.now() + ms
    for (;;) {
      const text = this.received.toString('latin1')
      if (holds(text)) return text
      if (this.closed || Date.now() > deadline)
        throw new Error(`gave up; received ${JSON.stringify(text.slice(0, 600))}`)
      await this.#changed(deadline)
    }
  }

  /** One final answer, whole or cut by the end of the connection. Takes it from what was received. */
  async answer(method = 'GET', ms = 5_000): Promise<RawAnswer> {
    const deadline = Date.now() + ms
    let needed = 0
    for (;;) {
      if (this.#length >= needed || this.closed) {
        const parsed = parseAnswer(this.received, method, this.closed)
        if ('answer' in parsed) {
          this.received = this.received.subarray(parsed.used)
          if (parsed.answer.status >= 200 || parsed.answer.status === 101) return parsed.answer
          needed = 0
          continue
        }
        needed = parsed.needed
      }
      if (this.closed) throw new Error('closed without an answer')
      if (Date.now() > deadline)
        throw new Error(`no answer in ${ms} ms: ${this.received.toString('latin1').slice(0, 300)}`)
      await this.#changed(deadline)
    }
  }

  async whenClosed(ms = 5_000): Promise<void> {
    if (this.closed) return
    const timeout = AbortSignal.timeout(ms)
    await once(this.socket, 'close', { signal: timeout })
  }

  close(): void {
    this.socket.destroy()
  }

  #wake(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  async #changed(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>(resolve => {
      timer = setTimeout(resolve, Math.max(0, deadline - Date.now()) + 1)
    })
    await Promise.race([this.#change.promise, timeout])
    clearTimeout(timer)
  }
}

/** Sends one request on a connection of its own and returns the answer. */
export async function exchange(port: number, bytes: string | Buffer, method?: string): Promise<RawAnswer> {
  const client = new RawClient(port).send(bytes)
  try {
    const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1')
    return await client.answer(method ?? text.slice(0, text.indexOf(' ')))
  } finally {
    client.close()
  }
}

type Parsed = { answer: RawAnswer; used: number } | { needed: number }

/** The first answer in `bytes`, or with how many of them it is worth while to look again while the connection is open. */
function parseAnswer(bytes: Buffer, method: string, closed: boolean): Parsed {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return { needed: 0 }
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(line.split(' ')[1])
  const headers: Record<string, string> = {}
  for (const text of lines) {
    const colon = text.indexOf(':')
    const name = text.slice(0, colon).toLowerCase()
    const value = text.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`
  }
  const head = { status, line, lines, headers, trailers: [] as string[] }
  const rest = bytes.subarray(end + 4)
  const done = (body: Buffer, isWhole: boolean, used: number) => ({
    answer: { ...head, body, isWhole },
    used: end + 4 + used,
  })
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return done(Buffer.alloc(0), true, 0)
  if (headers['transfer-encoding'] === 'chunked') {
    const chunks = parseChunks(rest)
    if (chunks.isWhole) {
      head.trailers.push(...chunks.trailers)
      return done(chunks.body, true, chunks.used)
    }
    return closed ? done(chunks.body, false, rest.length) : { needed: 0 }
  }
  if (headers['content-length'] !== undefined) {
    const length = Number(headers['content-length'])
    if (rest.length >= length) return done(rest.subarray(0, length), true, length)
    return closed ? done(rest, false, rest.length) : { needed: end + 4 + length }
  }
  return closed ? done(rest, true, rest.length) : { needed: Number.POSITIVE_INFINITY }
}

function parseChunks(bytes: Buffer): { body: Buffer; isWhole: boolean; used: number; trailers: string[] } {
  let at = 0
  const parts: Buffer[] = []
  for (;;) {
    const eol = bytes.indexOf('\r\n', at)
    if (eol < 0) return { body: Buffer.concat(parts), isWhole: false, used: at, trailers: [] }
    const size = Number.parseInt(bytes.subarray(at, eol).toString('latin1'), 16)
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', eol)
      if (end < 0) return { body: Buffer.concat(parts), isWhole: false, used: at, trailers: [] }
      const trailers =
        end === eol
          ? []
          : bytes
              .subarray(eol + 2, end)
              .toString('latin1')
              .split('\r\n')
      return { body: Buffer.concat(parts), isWhole: true, used: end + 4, trailers }
    }
    if (bytes.length < eol + 2 + size + 2) {
      parts.push(bytes.subarray(eol + 2))
      return { body: Buffer.concat(parts), isWhole: false, used: at, trailers: [] }
    }
    parts.push(bytes.subarray(eol + 2, eol + 2 + size))
    at = eol + 2 + size + 2
  }
}
