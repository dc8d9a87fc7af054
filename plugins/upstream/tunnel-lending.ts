/**
 * The connections to one origin that are lent to tunnels: each to one of them, HTTP/1.1 only, and not counted against
 * `maxSize`, which bounds exchanges.
 */
import type { Transport } from './connector.ts'
import type { Dialer } from './dialer.ts'
import type { PoolHealth } from './pool-health.ts'

export class TunnelLending {
  /** Lent now. */
  count = 0
  readonly #dialer: Dialer
  readonly #health: PoolHealth

  constructor(dialer: Dialer, health: PoolHealth) {
    this.#dialer = dialer
    this.#health = health
  }

  /** A connection of its own. @throws UpstreamFailure when the origin cannot be reached. */
  lend(): Promise<Transport> {
    return new Promise((resolve, reject) => {
      this.#dialer.dialTransport((error, socket) => {
        if (socket === null) {
          this.#health.unreached(error, performance.now())
          return reject(error)
        }
        this.count++
        resolve(socket)
      })
    })
  }

  returned(): void {
    this.count--
  }
}
