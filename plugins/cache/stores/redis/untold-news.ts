/**
 * News that Redis has not taken yet: they wait, so that a purge which could be told to nobody is told when the server is
 * back. The same news wait once.
 */
import type { Invalidation } from '../tiered/bus.ts'

/** News of a kind that may wait; more of them become one about everything. */
export const MAX_UNTOLD = 1024
/** News are put together up to this length. */
const JOINED_LENGTH = 32 * 1024

/** News as JSON, and what they are. */
export type Batch = ReadonlyMap<string, Invalidation['what']>

export class UntoldNews {
  #waiting = new Map<string, Invalidation['what']>()

  get size(): number {
    return this.#waiting.size
  }

  add({ what, selector }: Invalidation): void {
    this.#put(JSON.stringify({ what, selector }), what)
  }

  /** What waits, in batches for a message each. Those that cannot be sent are put back. */
  take(): Batch[] {
    const batches: Map<string, Invalidation['what']>[] = []
    let length = Number.POSITIVE_INFINITY
    for (const [text, what] of this.#waiting) {
      if (length + text.length > JOINED_LENGTH) {
        batches.push(new Map())
        length = 0
      }
      length += text.length + 1
      batches.at(-1)?.set(text, what)
    }
    this.#waiting = new Map()
    return batches
  }

  putBack(batch: Batch): void {
    for (const [text, what] of batch) this.#put(text, what)
  }

  #put(text: string, what: Invalidation['what']): void {
    this.#waiting.set(text, what)
    // Cheap in the common case: fewer in all are fewer of a kind.
    if (this.#waiting.size <= MAX_UNTOLD) return
    const ofKind = Array.from(this.#waiting).filter(([, kind]) => kind === what)
    if (ofKind.length <= MAX_UNTOLD) return
    for (const [name] of ofKind) this.#waiting.delete(name)
    this.#waiting.set(JSON.stringify({ what, selector: { by: 'all' } }), what)
  }
}
