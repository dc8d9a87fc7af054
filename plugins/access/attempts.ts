/**
 * How often somebody has tried to log in lately, by sender. Fixed windows: the bound is what matters, not the moment.
 */

/** Most senders that are remembered; the one whose window began first is forgotten. */
const MAX_SENDERS = 10_000

interface Window {
  readonly sinceMs: number
  count: number
}

export class Attempts {
  readonly #windows = new Map<string, Window>()

  get size(): number {
    return this.#windows.size
  }

  /** Counts one attempt. Milliseconds until the next is allowed, 0 where this one is. */
  take(sender: string, limit: { readonly attempts: number; readonly windowMs: number }, nowMs: number): number {
    const left = this.#waitFor(sender, limit, nowMs)
    if (left > 0) return left
    const window = this.#windows.get(sender)
    if (window !== undefined && nowMs - window.sinceMs < limit.windowMs) window.count++
    else this.#begin(sender, nowMs)
    return 0
  }

  /** Takes one attempt back that was none: the password was right. */
  forgive(sender: string): void {
    const window = this.#windows.get(sender)
    if (window !== undefined && window.count > 0) window.count--
  }

  #waitFor(sender: string, limit: { readonly attempts: number; readonly windowMs: number }, nowMs: number): number {
    const window = this.#windows.get(sender)
    if (window === undefined || window.count < limit.attempts) return 0
    return Math.max(0, window.sinceMs + limit.windowMs - nowMs)
  }

  #begin(sender: string, nowMs: number): void {
    this.#windows.delete(sender)
    const oldest = this.#windows.size < MAX_SENDERS ? undefined : this.#windows.keys().next().value
    if (oldest !== undefined) this.#windows.delete(oldest)
    this.#windows.set(sender, { sinceMs: nowMs, count: 1 })
  }
}
