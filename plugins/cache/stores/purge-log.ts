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

  /** What has to be handed over for it: the selector itself, or the purge of everything that it has become. */
  add(selector: PurgeSelector): PurgeSelector {
    const waiting: PurgeSelector = this.#selectors.length < MAX_PURGE_LOG ? selector : { by: 'all' }
    if (waiting === selector) this.#selectors.push(waiting)
    else this.#selectors = [waiting]
    return waiting
  }

  has(selector: PurgeSelector): boolean {
    return this.#selectors.includes(selector)
  }

  /** The store has taken it. */
  drop(selector: PurgeSelector): void {
    this.#selectors = this.#selectors.filter(other => other !== selector)
  }

  names(entry: Selectable): boolean {
    return this.#selectors.some(selector => isSelected(entry, selector))
  }

  /**
   * Hands the purges over in order, one caller at a time; one that fails stays, with all behind it. True = what was
   * waiting when the caller came has been taken.
   */
  replay(purge: (selector: PurgeSelector) => Promise<boolean>): Promise<boolean> {
    this.#running = this.#running.then(() => this.#replayAll(purge))
    return this.#running
  }

  async #replayAll(purge: (selector: PurgeSelector) => Promise<boolean>): Promise<boolean> {
    for (let first = this.#selectors[0]; first !== undefined; first = this.#selectors[0]) {
      if (!(await purge(first))) return false
      this.drop(first)
    }
    return true
  }
}
