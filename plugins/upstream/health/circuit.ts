/**
 * The circuit of one upstream: opens when nothing but time was got from it several times in a row, so that nobody else
 * waits for the same; lets one request through now and then to see. Refusals do not count: they cost no time, and a
 * connection tells their end. Answers that were waited for in vain at one path or two say nothing about the others: a long
 * poll lasts longer than the route waits, in each window that is open, while the app is well.
 */
import type { FailureKind } from '../errors.ts'

/** Failures in a row that open it. */
export const OPEN_AFTER = 5
/** Paths without an answer in time that stand for all of them. */
export const SLOW_PATHS = 3
const FIRST_OPEN_MS = 2_000
const MAX_OPEN_MS = 30_000

const costly: ReadonlySet<FailureKind> = new Set(['connectTimeout', 'unreachable', 'headTimeout'])

export class Circuit {
  #inRow = 0
  #untilMs = 0
  #openMs = FIRST_OPEN_MS
  /** Where answers did not come; no more than SLOW_PATHS of them. */
  readonly #slow = new Set<string>()
  #isUnreachable = false

  get isOpen(): boolean {
    return this.#untilMs !== 0
  }

  /** Ms until the next request to this path is let through; 0 = this one is. While it is open that is one at a time. */
  admit(nowMs: number, target: string): number {
    if (this.#untilMs === 0 || !this.#isMeant(target)) return 0
    if (nowMs < this.#untilMs) return this.#untilMs - nowMs
    // The next one waits for what becomes of this one, or for as long again.
    this.#untilMs = nowMs + this.#openMs
    return 0
  }

  /** True = it has opened. */
  failed(kind: FailureKind, nowMs: number, target: string): boolean {
    if (!costly.has(kind)) return false
    if (kind !== 'headTimeout') this.#isUnreachable = true
    else if (this.#slow.size < SLOW_PATHS) this.#slow.add(pathOf(target))
    this.#inRow++
    if (this.#inRow < OPEN_AFTER) return false
    const wasOpen = this.isOpen
    if (wasOpen) this.#openMs = Math.min(MAX_OPEN_MS, this.#openMs * 2)
    this.#untilMs = nowMs + this.#openMs
    return !wasOpen
  }

  /** True = it has closed. */
  succeeded(): boolean {
    if (this.#inRow === 0) return false
    this.#inRow = 0
    this.#slow.clear()
    this.#isUnreachable = false
    if (this.#untilMs === 0) return false
    this.#untilMs = 0
    this.#openMs = FIRST_OPEN_MS
    return true
  }

  #isMeant(target: string): boolean {
    return this.#isUnreachable || this.#slow.size >= SLOW_PATHS || this.#slow.has(pathOf(target))
  }
}

function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}
