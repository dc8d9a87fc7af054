/**
 * Reads HTTP/1.1 requests as a pedant (RFC 9112): it finds where each one ends and lists everything in it that two
 * servers could read in two ways.
 */
import { headFaults, trailerFaults } from './head-faults.ts'

const KEPT_BODY = 8 * 1024 * 1024
const MAX_HEAD = 1024 * 1024

export class Message {
  readonly method: string
  readonly target: string
  /** The head as received, one character a byte. */
  readonly head: string
  /** Names in lower case, in order. */
  readonly fields: readonly (readonly [string, string])[]
  /** Number of the connection, from 0. */
  readonly connection: number
  body: Buffer = Buffer.alloc(0)
  bodyBytes = 0
  trailers = ''
  isComplete = false
  readonly complete = Promise.withResolvers<void>()

  constructor(head: string, connection: number) {
    const [line = '', ...lines] = head.split(/\r\n|\n/)
    this.head = head
    this.connection = connection
    this.method = line.slice(0, line.indexOf(' '))
    this.target = line.slice(line.indexOf(' ') + 1, line.lastIndexOf(' '))
    this.fields = lines.map(text => {
      const colon = text.indexOf(':')
      return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()] as const
    })
  }

  all(name: string): string[] {
    return this.fields.filter(([field]) => field === name).map(([, value]) => value)
  }

  one(name: string): string | undefined {
    return this.all(name)[0]
  }
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'trailers' | 'stopped'

export class StrictReader {
  #rest: Buffer = Buffer.alloc(0)
  #state: State = 'head'
  #left = 0
  #message: Message | null = null
  #parts: Buffer[] = []
  readonly #connection: number
  readonly #on: { head(message: Message): void; fault(text: string): void }

  constructor(connection: number, on: { head(message: Message): void; fault(text: string): void }) {
    this.#connection = connection
    this.#on = on
  }

  feed(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.#step());
  }

  /** Stops reading requests (after a 101) and returns what has not been read. */
  detach(): Buffer {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    this.#state = 'stopped'
    return rest
  }

  #step(): boolean {
    if (this.#state === 'head') return this.#readHead()
    if (this.#state === 'length' || this.#state === 'chunk') return this.#readBytes()
    if (this.#state === 'chunk-size') return this.#readChunkSize()
    if (this.#state === 'trailers') return this.#readTrailers()
    return false
  }

  #readHead(): boolean {
    if (this.#rest.length === 0) return false
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return this.#rest.length > MAX_HEAD ? this.#stop('a head without end') : false
    const head = this.#rest.subarray(0, end).toString('latin1')
    this.#rest = this.#rest.subarray(end + 4)
    for (const fault of headFaults(head)) this.#on.fault(`${fault} in ${JSON.stringify(head.slice(0, 300))}`)
    const message = new Message(head, this.#connection)
    this.#message = message
    this.#parts = []
    this.#left = Number(message.one('content-length') ?? 0)
    this.#state = message.one('transfer-encoding') === undefined ? 'length' : 'chunk-size'
    this.#on.head(message)
    return this.#state === 'length' && this.#left === 0 ? this.#finish() : true
  }

  #readBytes(): boolean {
    const part = this.#rest.subarray(0, this.#left)
    this.#keep(part)
    this.#rest = this.#rest.subarray(part.length)
    this.#left -= part.length
    if (this.#left > 0) return false
    if (this.#state === 'length') return this.#finish()
    if (this.#rest.length < 2) return false
    if (this.#rest.subarray(0, 2).toString('latin1') !== '\r\n') return this.#stop('chunk data that spills')
    this.#rest = this.#rest.subarray(2)
    this.#state = 'chunk-size'
    return true
  }

  #readChunkSize(): boolean {
    const end = this.#rest.indexOf('\r\n')
    if (end < 0) return this.#rest.length > 4096 ? this.#stop('a chunk size without end') : false
    const line = this.#rest.subarray(0, end).toString('latin1')
    if (!/^[0-9a-f]{1,8}$/i.test(line)) return this.#stop(`chunk size ${JSON.stringify(line)}`)
    this.#left = Number.parseInt(line, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    if (this.#left !== 0) this.#rest = this.#rest.subarray(end + 2)
    return true
  }

  #readTrailers(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [, ...lines] = this.#rest.subarray(0, end).toString('latin1').split('\r\n')
    for (const fault of trailerFaults(lines)) this.#on.fault(fault)
    ;(this.#message as Message).trailers = lines.join('\n')
    this.#rest = this.#rest.subarray(end + 4)
    return this.#finish()
  }

  #keep(part: Buffer): void {
    const message = this.#message as Message
    message.bodyBytes += part.length
    if (message.bodyBytes <= KEPT_BODY) this.#parts.push(Buffer.from(part))
  }

  #finish(): boolean {
    const message = this.#message as Message
    message.body = Buffer.concat(this.#parts)
    message.isComplete = true
    if (this.#state !== 'stopped') this.#state = 'head'
    message.complete.resolve()
    return true
  }

  #stop(fault: string): boolean {
    this.#on.fault(fault)
    this.#state = 'stopped'
    return false
  }
}
