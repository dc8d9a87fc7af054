/**
 * The exchanges that wait for a connection to one origin, the oldest first. How long the line may be is the pool's decision.
 */
import type { RunningExchange } from './running-exchange.ts'

export class WaitingLine {
  readonly #exchanges: RunningExchange[] = []

  get length(): number {
    return this.#exchanges.length
  }

  get first(): RunningExchange | undefined {
    return this.#exchanges[0]
  }

  add(exchange: RunningExchange, nowMs: number): void {
    exchange.queuedAtMs = nowMs
    this.#exchanges.push(exchange)
  }

  takeFirst(): void {
    this.#exchanges.shift()
  }

  leave(exchange: RunningExchange): void {
    const index = this.#exchanges.indexOf(exchange)
    if (index >= 0) this.#exchanges.splice(index, 1)
  }

  /** The dial that the first `count` waited for has failed. */
  failFirst(count: number, error: Error): void {
    for (const exchange of this.#exchanges.splice(0, count)) exchange.failWith(error)
  }

  failAll(): void {
    for (const exchange of [...this.#exchanges]) exchange.fail('noOrigin')
  }

  /** Ends the wait of those behind the first `count` that have waited for longer than `timeoutMs`. */
  shedLate(nowMs: number, count: number, timeoutMs: number): void {
    for (let i = this.#exchanges.length - 1; i >= count; i--) {
      const exchange = this.#exchanges[i] as RunningExchange
      if (nowMs - exchange.queuedAtMs <= timeoutMs) continue
      this.#exchanges.splice(i, 1)
      exchange.fail('queueTimeout')
    }
  }
}
