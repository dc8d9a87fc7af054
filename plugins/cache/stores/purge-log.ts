/**
 * Which entries a purge names, and the memory of recent purges: a writer that was opened before a purge must not bring
 * back what the purge took away.
 */
import { MAX_PURGE_LOG } from './bounds.ts'
import type { PurgeSelector } from './types.ts'

/** What a selector looks at. */
export interface Selectable {
  readonly key: string
  readonly variant: string
  readonly url: string
  readonly route: string
  readonly tags: readonly string[]
}

export function isSelected(entry: Selectable, selector: PurgeSelector): boolean {
  switch (selector.by) {
    case 'all':
      return true
    case 'url':
      return entry.url === selector.value
    case 'prefix':
      return entry.url.startsWith(selector.value)
    case 'route':
      return entry.route === selector.value
    case 'tag':
      return entry.tags.includes(selector.value)
    case 'key':
      return entry.key === selector.value && (selector.variant === undefined || selector.variant === entry.variant)
  }
}

/** The last `MAX_PURGE_LOG` purges by number, for the writers of one process. */
export class PurgeLog {
  /** Number of the newest purge; 0 = none yet. */
  sequence = 0
  readonly #selectors: PurgeSelector[] = []

  add(selector: PurgeSelector): void {
    this.#selectors[this.sequence % MAX_PURGE_LOG] = selector
    this.sequence++
  }

  /** Whether any purge after number `since` names the entry; true as well when that is no longer known. */
  hasPurged(entry: Selectable, since: number): boolean {
    if (this.sequence - since > MAX_PURGE_LOG) return true
    for (let number = since; number < this.sequence; number++) {
      const selector = this.#selectors[number % MAX_PURGE_LOG]
      if (selector !== undefined && isSelected(entry, selector)) return true
    }
    return false
  }
}

/** Purges that are handed over at the same time. */
const REPLAY_BATCH = 64

/**
 * Purges that a shared store has not taken yet. Until they have been replayed nothing that they name is served by this
 * process. More than `MAX_PURGE_LOG` of them become one purge of everything.
 */
export class PendingPurges {
  #selectors: PurgeSelector[] = []
  #running: Promise<boolean> = Promise.resolve(true)

  get size(): number {
    return this.#selectors.length
  }

  add(selector: PurgeSelector): void {
    if (this.#selectors.length >= MAX_PURGE_LOG) this.#selectors = [{ by: 'all' }]
    else this.#selectors.push(selector)
  }

  names(entry: Selectable): boolean {
    return this.#selectors.some(selector => isSelected(entry, selector))
  }

  /**
   * Hands the purges over, one caller and some purges at a time: what came while others were on their way goes together.
   * One that fails stays, with all behind those that went with it. True = what was waiting when the caller came has been
   * taken.
   */
  replay(purge: (selector: PurgeSelector) => Promise<boolean>): Promise<boolean> {
    this.#running = this.#running.then(() => this.#replayAll(purge))
    return this.#running
  }

  async #replayAll(purge: (selector: PurgeSelector) => Promise<boolean>): Promise<boolean> {
    while (this.#selectors.length > 0) {
      const batch = this.#selectors.slice(0, REPLAY_BATCH)
      const taken = await Promise.all(batch.map(purge))
      const done = new Set(batch.filter((_, at) => taken[at]))
      this.#selectors = this.#selectors.filter(selector => !done.has(selector))
      if (done.size < batch.length) return false
    }
    return true
  }
}
