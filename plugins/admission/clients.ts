/**
 * The clients whose requests had to wait, and their connections, as long as something of them runs or has just ended:
 * at which pace they ask. Who is not known is a newcomer.
 */
import { FOLLOWS_MS, newcomer, type Pace, paceAfterArrival, paceLevel } from './rules/pace.ts'

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

  /** Clients that are remembered: those with open requests, and those whose last one has just ended. */
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

  levelOf(key: string): number {
    return paceLevel(this.#clients.get(key)?.pace ?? newcomer)
  }

  connectionOf(socket: object | null): Connection {
    const known = socket === null ? undefined : this.#connections.get(socket)
    if (known !== undefined) return known
    const connection = { pace: newcomer, servedAt: 0 }
    if (socket !== null) this.#connections.set(socket, connection)
    return connection
  }

  /** Forgets those whose next request would not follow anything; often. */
  sweep(nowMs: number): void {
    for (const [key, { open, pace }] of this.#clients) {
      if (open === 0 && nowMs - pace.endedMs > FOLLOWS_MS) this.#clients.delete(key)
    }
  }

  #add(key: string): Client {
    const client = { pace: newcomer, open: 0 }
    this.#clients.set(key, client)
    return client
  }
}
