/**
 * How often somebody has tried to log in lately, by sender and not by route: whoever guesses at one door has used up the
 * attempts at all others. Fixed windows: the bound is what matters, not the moment.
 */

/** Most senders that are remembered; the one that was new first is forgotten. */
const MAX_SENDERS = 10_000
/** Most lengths of windows that are counted side by side, of all routes. */
const MAX_LENGTHS = 16

export interface AttemptLimit {
  readonly attempts: number
  readonly windowMs: number
}

/** Where attempts are counted: in this process, or in one that counts for several. */
export interface AttemptCounter {
  /** Counts one attempt. Milliseconds until the next is allowed, 0 where this one is. Never rejects. */
  take(sender: string, limit: AttemptLimit, nowMs: number): number | Promise<number>
  /** Takes one attempt back that was none: the password was right. */
  forgive(sender: string): void
}

interface Window {
  readonly lengthMs: number
  readonly sinceMs: number
  count: number
}

export class Attempts implements AttemptCounter {
  /** Those of a sender are of different lengths, and each counts all of its attempts. */
  readonly #senders = new Map<string, Window[]>()
  /** Lengths that were asked for; the latest stands last. */
  readonly #lengths = new Set<number>()

  get size(): number {
    return this.#senders.size
  }

  take(sender: string, { attempts, windowMs }: AttemptLimit, nowMs: number): number {
    this.#know(windowMs)
    const windows = this.#windowsOf(sender, nowMs)
    const own = windows.find(({ lengthMs }) => lengthMs === windowMs) as Window
    if (own.count >= attempts) return own.sinceMs + windowMs - nowMs
    for (const window of windows) window.count++
    return 0
  }

  forgive(sender: string): void {
    for (const window of this.#senders.get(sender) ?? []) if (window.count > 0) window.count--
  }

  #know(lengthMs: number): void {
    if (this.#lengths.has(lengthMs)) return
    const [first] = this.#lengths
    if (this.#lengths.size >= MAX_LENGTHS && first !== undefined) this.#lengths.delete(first)
    this.#lengths.add(lengthMs)
  }

  /** One window for each length. A length that is new begins with what the other windows know of the sender. */
  #windowsOf(sender: string, nowMs: number): Window[] {
    const before = (this.#senders.get(sender) ?? []).filter(({ sinceMs, lengthMs }) => nowMs - sinceMs < lengthMs)
    const windows = [...this.#lengths].map(
      lengthMs =>
        before.find(window => window.lengthMs === lengthMs) ?? { lengthMs, ...begun(before, lengthMs, nowMs) },
    )
    if (!this.#senders.has(sender)) this.#makeRoom()
    this.#senders.set(sender, windows)
    return windows
  }

  #makeRoom(): void {
    const oldest = this.#senders.size < MAX_SENDERS ? undefined : this.#senders.keys().next().value
    if (oldest !== undefined) this.#senders.delete(oldest)
  }
}

/** A shorter window that ran out begins anew; one that there never was takes over the shorter ones' attempts. */
function begun(before: readonly Window[], lengthMs: number, nowMs: number): Pick<Window, 'sinceMs' | 'count'> {
  const known = before.filter(window => window.lengthMs < lengthMs).toSorted((a, b) => b.count - a.count)[0]
  return { sinceMs: known?.sinceMs ?? nowMs, count: known?.count ?? 0 }
}
