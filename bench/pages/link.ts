/**
 * A slow line between browser and gateway, as a relay on loopback: so many bits a second each way, shared by all
 * connections, and a time on the way. A new connection pays one round trip before its first byte, as TCP's own greeting
 * does; slow start and loss are not there, so that a line of the same numbers is somewhat slower for everybody.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface LinkOptions {
  readonly bitsPerSecond: number
  /** There and back. */
  readonly roundTripMs: number
  readonly targetPort: number
}

export interface Link {
  readonly port: number
  /** Bytes that have come down to the browser. */
  readonly downBytes: number
  close(): void
}

/** Bytes of one connection that are on the way at once, as a window: the sender waits above it. */
const WINDOW_BYTES = 65_536
/** Connections take turns by pieces of this size. */
const PIECE_BYTES = 8_192

/** One way of the line. */
class Lane {
  bytes = 0
  readonly #bytesPerMs: number
  readonly #wayMs: number
  #freeAtMs = 0

  constructor({ bitsPerSecond, roundTripMs }: LinkOptions) {
    this.#bytesPerMs = bitsPerSecond / 8 / 1000
    this.#wayMs = roundTripMs / 2
  }

  /** When what is given now has arrived, by `performance.now()`. */
  send(bytes: number): number {
    this.bytes += bytes
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + bytes / this.#bytesPerMs
    return this.#freeAtMs + this.#wayMs
  }
}

/** Carries what `from` says to `to`, piece by piece and in order, its end as well. */
class Carrier {
  readonly #from: Socket
  readonly #to: Socket
  readonly #lane: Lane
  /** Pieces and the two kinds of an end, each with the time of its arrival; bounded by the window. */
  readonly #onTheWay: { readonly atMs: number; readonly what: Buffer | 'end' | 'close' }[] = []
  #bytes = 0
  #lastMs: number
  #timer: NodeJS.Timeout | null = null

  constructor(from: Socket, to: Socket, lane: Lane, notBeforeMs: number) {
    this.#from = from
    this.#to = to
    this.#lane = lane
    this.#lastMs = notBeforeMs
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => this.#put('end', this.#lastMs))
    from.on('close', () => this.#put('close', this.#lastMs))
    from.on('error', () => {})
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES)
      this.#bytes += piece.length
      this.#put(piece, this.#lane.send(piece.length))
    }
    if (this.#bytes >= WINDOW_BYTES) this.#from.pause()
  }

  #put(what: Buffer | 'end' | 'close', atMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, atMs)
    this.#onTheWay.push({ atMs: this.#lastMs, what })
    this.#timer ??= this.#later(this.#lastMs)
  }

  #later(atMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#arrive(), Math.max(0, atMs - performance.now()))
  }

  /** Timers come up to a millisecond late, so all that is due is handed over. */
  #arrive(): void {
    this.#timer = null
    const nowMs = performance.now()
    while (this.#onTheWay[0] !== undefined && this.#onTheWay[0].atMs <= nowMs + 0.5) {
      const { what } = this.#onTheWay.shift()!
      if (what === 'end') this.#to.end()
      else if (what === 'close') this.#to.destroy()
      else this.#hand(what)
    }
    const next = this.#onTheWay[0]
    if (next !== undefined) this.#timer = this.#later(next.atMs)
  }

  #hand(piece: Buffer): void {
    this.#bytes -= piece.length
    if (this.#to.writable) this.#to.write(piece)
    if (this.#bytes < WINDOW_BYTES) this.#from.resume()
  }
}

/** Opens the line on a free port of loopback. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const [up, down] = [new Lane(options), new Lane(options)]
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, browser => {
    const gateway = connect({ port: options.targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const greetedMs = performance.now() + options.roundTripMs
    for (const socket of [browser, gateway]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    new Carrier(browser, gateway, up, greetedMs)
    new Carrier(gateway, browser, down, greetedMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get downBytes() {
      return down.bytes
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
