/**
 * Purges of the last hour, own and heard of: a server that has begun anew from a snapshot, or a replica that has become
 * the master, may hold again what they took away.
 */
import { MAX_PURGE_LOG } from '../bounds.ts'
import type { PurgeSelector } from '../types.ts'

/** Longer than the widest gap between two snapshots of a Redis that is set up as shipped. */
export const PURGE_MEMORY_MS = 3_600_000

/** More than `MAX_PURGE_LOG` of them become one purge of everything. */
export class RecentPurges {
  /** By the selector as JSON, the oldest first. */
  readonly #known = new Map<string, { readonly selector: PurgeSelector; readonly atMs: number }>()

  remember(selector: PurgeSelector, nowMs: number): void {
    const name = JSON.stringify(selector)
    this.#known.delete(name)
    this.#known.set(name, { selector, atMs: nowMs })
    this.#forgetOld(nowMs)
    if (this.#known.size <= MAX_PURGE_LOG) return
    this.#known.clear()
    this.remember({ by: 'all' }, nowMs)
  }

  list(nowMs: number): PurgeSelector[] {
    this.#forgetOld(nowMs)
    return Array.from(this.#known.values(), ({ selector }) => selector)
  }

  #forgetOld(nowMs: number): void {
    for (const [name, { atMs }] of this.#known) {
      if (nowMs - atMs < PURGE_MEMORY_MS) return
      this.#known.delete(name)
    }
  }
}
