/**
 * How often somebody has tried to log in lately, by sender and not by route: whoever guesses at one door has used up the
 * attempts at all others whose window is as long. Fixed windows: the bound is what matters, not the moment.
 */

/** Most windows that are remembered, of all senders; the one that began first is forgotten. */
const MAX_WINDOWS = 10_000

export interface AttemptLimit {
  readonly attempts: number
  readonly windowMs: number
}

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
  take(sender: string, limit: AttemptLimit, nowMs: number): number {
    const name = nameOf(sender, limit)
    const window = this.#windows.get(name)
    if (window === undefined || nowMs - window.sinceMs >= limit.windowMs) {
      this.#begin(name, nowMs)
      return 0
    }
    if (window.count >= limit.attempts) return window.sinceMs + limit.windowMs - nowMs
    window.count++
    return 0
  }

  /** Takes one attempt back that was none: the password was right. */
  forgive(sender: string, limit: AttemptLimit): void {
    const window = this.#windows.get(nameOf(sender, limit))
    if (window !== undefined && window.count > 0) window.count--
  }

  #begin(name: string, nowMs: number): void {
    this.#windows.delete(name)
    const oldest = this.#windows.size < MAX_WINDOWS ? undefined : this.#windows.keys().next().value
    if (oldest !== undefined) this.#windows.delete(oldest)
    this.#windows.set(name, { sinceMs: nowMs, count: 1 })
  }
}

/** The length is part of it, or an attempt where windows are short would end the long one of another route. */
function nameOf(sender: string, { windowMs }: AttemptLimit): string {
  return `${windowMs} ${sender}`
}
