/**
 * The clients of the last seconds, and the connections of those whose requests had to wait: at which pace they ask. Who is
 * not known is a newcomer.
 */
import { newcomer, type Pace, paceAfterArrival, paceLevel } from './rules/pace.ts'

/** So long after its last answer a client is still in the middle of something. */
export const KNOWN_MS = 15_000
/** As many as a page asks for before it has been read. */
const FEW_OPEN = 3
/** Most clients that are remembered without a request that waits or runs. */
const MOST_KNOWN = 4_096

/** A connection of a client. */
export interface Connection {
  pace: Pace
  /** When it was served last, as a running number; 0 = never. */
  servedAt: number
}

interface Client {
  pace: Pace
  /** Requests of it that wait or run. */
  open: number
}

export class Clients {
  readonly #clients = new Map<string, Client>()
  readonly #connections = new WeakMap<object, Connection>()

  /** Clients that are remembered: those with open requests, and those whose last one has ended not long ago. */
  get size(): number {
    return this.#clients.size
  }

  noteArrival(key: string, connection: Connection, nowMs: number): void {
    const client = this.#clients.get(key) ?? this.#add(key)
    client.open++
    client.pace = paceAfterArrival(client.pace, nowMs)
    connection.pace = paceAfterArrival(connection.pace, nowMs)
  }

  noteEnd(key: string, connection: Connection, nowMs: number): void {
    connection.pace = { ...connection.pace, endedMs: nowMs }
    const client = this.#clients.get(key)
    if (client === undefined) return
    client.open--
    client.pace = { ...client.pace, endedMs: nowMs }
  }

  /** A request that never waited is over. */
  noteServed(key: string, nowMs: number): void {
    const client = this.#clients.get(key) ?? (this.#clients.size < MOST_KNOWN ? this.#add(key) : undefined)
    if (client !== undefined) client.pace = { followed: client.pace.followed, endedMs: nowMs }
  }

  /** Somebody known goes before newcomers with a few requests at a time; with many it takes turns with them. */
  levelOf(key: string): number {
    const client = this.#clients.get(key)
    if (client === undefined) return paceLevel(newcomer)
    const level = paceLevel(client.pace)
    return client.open > FEW_OPEN ? Math.max(level, paceLevel(newcomer)) : level
  }

  connectionOf(socket: object | null): Connection {
    const known = socket === null ? undefined : this.#connections.get(socket)
    if (known !== undefined) return known
    const connection = { pace: newcomer, servedAt: 0 }
    if (socket !== null) this.#connections.set(socket, connection)
    return connection
  }

  /** Forgets those that have been away; often. */
  sweep(nowMs: number): void {
    for (const [key, { open, pace }] of this.#clients) {
      if (open === 0 && nowMs - pace.endedMs > KNOWN_MS) this.#clients.delete(key)
    }
  }

  #add(key: string): Client {
    const client = { pace: newcomer, open: 0 }
    this.#clients.set(key, client)
    return client
  }
}
