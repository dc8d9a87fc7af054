/**
 * The circuit of one upstream: opens when nothing but time was got from it several times in a row, so that nobody else
 * waits for the same; lets one request through now and then to see. Refusals do not count: they cost no time, and a
 * connection tells their end.
 */
import type { FailureKind } from '../errors.ts'

/** Failures in a row that open it. */
export const OPEN_AFTER = 5
const FIRST_OPEN_MS = 2_000
const MAX_OPEN_MS = 30_000

const costly: ReadonlySet<FailureKind> = new Set(['connectTimeout', 'unreachable', 'headTimeout'])

export class Circuit {
  #inRow = 0
  #untilMs = 0
  #openMs = FIRST_OPEN_MS

  get isOpen(): boolean {
    return this.#untilMs !== 0
  }

  /** Ms until the next request is let through; 0 = this one is. While it is open that is one at a time. */
  admit(nowMs: number): number {
    if (this.#untilMs === 0) return 0
    if (nowMs < this.#untilMs) return this.#untilMs - nowMs
    // The next one waits for what becomes of this one, or for as long again.
    this.#untilMs = nowMs + this.#openMs
    return 0
  }

  /** True = it has opened. */
  failed(kind: FailureKind, nowMs: number): boolean {
    if (!costly.has(kind)) return false
    this.#inRow++
    if (this.#inRow < OPEN_AFTER) return false
    const wasOpen = this.isOpen
    if (wasOpen) this.#openMs = Math.min(MAX_OPEN_MS, this.#openMs * 2)
    this.#untilMs = nowMs + this.#openMs
    return !wasOpen
  }

  /** True = it has closed. */
  succeeded(): boolean {
    this.#inRow = 0
    if (this.#untilMs === 0) return false
    this.#untilMs = 0
    this.#openMs = FIRST_OPEN_MS
    return true
  }
}
