/**
 * A load that does not wait: requests fall due at random moments of a fixed rate (a Poisson process, the same one for every
 * contender), whatever has been answered. What finds all connections taken waits for one, and its time runs from when it
 * fell due, so that a stall costs all who came meanwhile. Takes one PacedOrder, prints one LoadResult, both as JSON.
 */
import { once } from 'node:events'
import net from 'node:net'
import { createHistogram } from 'node:perf_hooks'
import type { PacedOrder } from '../load.ts'
import { noteTime, resultOf } from './result.ts'

/** No answer for so long is an error, and the connection is replaced. */
const PATIENCE_MS = 5_000
/** Whose answers are not on their way then has lost them. */
const LAST_ANSWERS_MS = 1_000
const HEAD_END = '\r\n\r\n'

const order = JSON.parse(process.argv[2] ?? '') as PacedOrder
const { hostname, port, pathname, search, host } = new URL(order.url)
const fields = Object.entries(order.headers).map(([name, value]) => `${name}: ${value}\r\n`)
const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${fields.join('')}\r\n`)

const latencies = createHistogram()
const idle: Connection[] = []
/** When those fell due that wait for a connection. */
const waiting: number[] = []
let bytes = 0
let socketErrors = 0
let badStatuses = 0

class Connection {
  readonly #socket: net.Socket
  /** When what runs on it fell due; 0 = nothing runs. */
  #dueMs = 0
  #head = ''
  /** Bytes of the body that are still to come; -1 = the head is. */
  #left = -1

  constructor() {
    this.#socket = net.connect(Number(port), hostname).setNoDelay()
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#closed())
    this.#socket.setTimeout(PATIENCE_MS, () => this.#dueMs !== 0 && this.#socket.destroy())
  }

  async connected(): Promise<void> {
    await once(this.#socket, 'connect')
    idle.push(this)
  }

  send(dueMs: number): void {
    this.#dueMs = dueMs
    this.#head = ''
    this.#left = -1
    this.#socket.write(request)
  }

  end(): void {
    this.#socket.removeAllListeners('close').destroy()
  }

  #read(chunk: Buffer): void {
    bytes += chunk.length
    if (this.#left < 0) {
      this.#head += chunk.toString('latin1')
      const end = this.#head.indexOf(HEAD_END)
      if (end < 0) return
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head.slice(0, end))?.[1]
      if (length === undefined) throw new Error('this load reads answers with a Content-Length only')
      this.#left = Number(length) - (this.#head.length - end - HEAD_END.length)
      if (Number(this.#head.slice(9, 12)) >= 400) badStatuses++
    } else this.#left -= chunk.length
    if (this.#left <= 0) this.#done()
  }

  #done(): void {
    noteTime(latencies, this.#dueMs)
    this.#dueMs = 0
    const next = waiting.shift()
    if (next === undefined) idle.push(this)
    else this.send(next)
  }

  #closed(): void {
    if (this.#dueMs === 0) idle.splice(idle.indexOf(this), 1)
    socketErrors++
    connections.delete(this)
    if (performance.now() < endMs) void open().catch(() => {})
  }
}

const connections = new Set<Connection>()

function open(): Promise<void> {
  const connection = new Connection()
  connections.add(connection)
  return connection.connected()
}

/** xorshift32: the same moments for every contender. */
let seed = 0x9e3779b9
function random(): number {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) / 2 ** 32
}

let startMs = performance.now()
let endMs = Number.POSITIVE_INFINITY
await Promise.all(Array.from({ length: order.connections }, open))
startMs = performance.now()
endMs = startMs + order.seconds * 1_000
let nextMs = startMs
const { promise, resolve } = Promise.withResolvers<void>()
// Timers of Node know whole milliseconds: what falls due within one is sent at its end, and its time runs from there.
const timer = setInterval(() => {
  const now = performance.now()
  for (; nextMs <= now && nextMs < endMs; nextMs -= (Math.log(1 - random()) * 1_000) / order.perSecond) {
    const connection = idle.pop()
    if (connection === undefined) waiting.push(now)
    else connection.send(now)
  }
  const isOver = idle.length === connections.size || now > endMs + LAST_ANSWERS_MS
  if (nextMs < endMs || !isOver) return
  clearInterval(timer)
  resolve()
}, 1)
await promise
const unanswered = connections.size - idle.length + waiting.length
const result = resultOf(latencies, startMs, { bytes, socketErrors: socketErrors + unanswered, badStatuses })
process.stdout.write(`${JSON.stringify(result)}\n`)
for (const connection of connections) connection.end()
