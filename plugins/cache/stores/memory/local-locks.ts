/**
 * Locks of one process, which end by themselves after their time.
 */
import type { Clock, StoreLock } from '../types.ts'

/** Most keys that can be locked at once; beyond it every lock is given, so that no request waits for nothing. */
export const MAX_LOCAL_LOCKS = 10_000

export class LocalLocks {
  readonly #heldUntilMs = new Map<string, { readonly untilMs: number }>()
  readonly #now: Clock

  constructor(now: Clock) {
    this.#now = now
  }

  take(key: string, ttlMs: number): StoreLock {
    const now = this.#now()
    const held = this.#heldUntilMs.get(key)
    if (held !== undefined && held.untilMs > now) return notAcquired
    if (this.#heldUntilMs.size >= MAX_LOCAL_LOCKS) this.#dropEnded(now)
    if (this.#heldUntilMs.size >= MAX_LOCAL_LOCKS) return unguarded
    const mine = { untilMs: now + ttlMs }
    this.#heldUntilMs.set(key, mine)
    return {
      acquired: true,
      release: () => {
        if (this.#heldUntilMs.get(key) === mine) this.#heldUntilMs.delete(key)
      },
    }
  }

  #dropEnded(now: number): void {
    for (const [key, held] of this.#heldUntilMs) if (held.untilMs <= now) this.#heldUntilMs.delete(key)
  }
}

/** Somebody else holds it. */
export const notAcquired: StoreLock = { acquired: false, release() {} }
/** Nobody can be asked, so nobody is made to wait. */
export const unguarded: StoreLock = { acquired: true, release() {} }
