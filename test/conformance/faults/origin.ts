/**
 * An origin on a raw socket that records everything it gets. A script answers the requests that carry a token; all
 * others get 200 with a text that names the origin, the method and the target, so that a mixed-up answer shows.
 */
import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { type Message, StrictReader } from './strict-reader.ts'

/** One request on one connection. It counts as busy until `end`. */
export class Arrival {
  readonly message: Message
  readonly socket: Socket
  readonly origin: Origin
  readonly #line: Line

  constructor(origin: Origin, line: Line, message: Message) {
    this.origin = origin
    this.message = message
    this.socket = line.socket
    this.#line = line
  }

  write(bytes: string | Buffer): boolean {
    if (this.socket.destroyed) return false
    return this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Writes the last bytes of the answer. */
  end(bytes: string | Buffer = ''): void {
    if (bytes.length > 0) this.write(bytes)
    this.#line.running--
    if (this.origin.isLeaving) this.socket.end()
  }

  /** Takes the connection out of HTTP after a 101; the bytes that came with the request are handed to `data`. */
  tunnel(data: (chunk: Buffer) => void): void {
    this.#line.data = data
    const rest = this.#line.reader.detach()
    if (rest.length > 0) data(rest)
  }

  get drained(): Promise<unknown> {
    return this.socket.destroyed || !this.socket.writableNeedDrain
      ? Promise.resolve()
      : Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]).catch(() => {})
  }
}

interface Line {
  readonly socket: Socket
  readonly reader: StrictReader
  running: number
  data: (chunk: Buffer) => void
}

export type Script = (arrival: Arrival) => unknown

export class Origin {
  readonly name: string
  port = 0
  messages: Message[] = []
  /** Ambiguities in what was forwarded. */
  faults: string[] = []
  accepted = 0
  isLeaving = false
  readonly scripts = new Map<string, Script>()
  readonly #lines = new Set<Line>()
  #server: net.Server | null = null

  constructor(name: string) {
    this.name = name
  }

  async start(): Promise<this> {
    this.isLeaving = false
    this.#server = net.createServer({ noDelay: true }, socket => this.#accept(socket))
    this.#server.listen(this.port, '127.0.0.1', 1024)
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as net.AddressInfo).port
    return this
  }

  /** Stops listening; `reset` breaks every connection, `end` finishes what runs and closes the idle ones. */
  async stop(how: 'reset' | 'end' = 'reset'): Promise<void> {
    const server = this.#server
    this.#server = null
    this.isLeaving = true
    for (const line of this.#lines) {
      if (how === 'reset') line.socket.resetAndDestroy()
      else if (line.running === 0) line.socket.end()
    }
    if (server !== null) await new Promise(done => server.close(done))
  }

  get open(): number {
    return this.#lines.size
  }

  /** Connections with a request that has not got its whole answer. */
  get busy(): number {
    return [...this.#lines].filter(line => line.running > 0).length
  }

  isOpen(connection: number): boolean {
    return [...this.#lines].some(line => this.#numbers.get(line.socket) === connection)
  }

  /** What came with the token anywhere in its head. */
  seen(token: string): Message[] {
    return this.messages.filter(message => message.head.includes(token))
  }

  readonly #numbers = new WeakMap<Socket, number>()

  #accept(socket: Socket): void {
    const number = this.accepted++
    this.#numbers.set(socket, number)
    const reader = new StrictReader(number, {
      head: message => this.#answer(line, message),
      fault: text => void this.faults.push(`${this.name}: ${text}`),
    })
    const line: Line = { socket, reader, running: 0, data: chunk => reader.feed(chunk) }
    this.#lines.add(line)
    socket.on('error', () => {})
    socket.on('data', chunk => line.data(chunk))
    socket.on('close', () => this.#lines.delete(line))
  }

  #answer(line: Line, message: Message): void {
    this.messages.push(message)
    line.running++
    const arrival = new Arrival(this, line, message)
    for (const [token, script] of this.scripts) if (message.head.includes(token)) return void script(arrival)
    void message.complete.promise.then(() => arrival.end(this.#plainAnswer(message)))
  }

  #plainAnswer(message: Message): Buffer {
    const close = this.isLeaving ? 'Connection: close\r\n' : ''
    const text = `${this.name} ${message.method} ${message.target}`
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${close}Content-Length: ${text.length}\r\n\r\n`
    return Buffer.from(message.method === 'HEAD' ? head : head + text, 'latin1')
  }
}

/** A whole answer with Content-Length; `lines` without line ends. */
export function answer(status: number, lines: readonly string[] = [], body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body)
  const all = [`HTTP/1.1 ${status} Status`, ...lines, `Content-Length: ${bytes.length}`, '', '']
  return Buffer.concat([Buffer.from(all.join('\r\n'), 'latin1'), bytes])
}
