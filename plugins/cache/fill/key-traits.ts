/**
 * What was learned of keys by earlier answers: that an answer could be shared, or that it could not, so that requests for
 * it do not wait for each other (security lesson 14).
 */
import { LRUCache } from 'lru-cache'
import type { StoreDecision } from '../rules/storable.ts'

/** Characters of keys that are remembered. */
const MOST_KEY_CHARACTERS = 8 * 1024 * 1024
const MOST_KEYS = 32_768
/** How long a key that could not be shared is left alone. */
const ALONE_MS = 60_000
const SHAREABLE_MS = 60 * 60_000
/** After a failed refresh in the background. */
const REFRESH_PAUSE_MS = 2_000

export type KeyTrait = 'shareable' | 'alone'

export class KeyTraits {
  readonly #traits = new LRUCache<string, KeyTrait>({
    max: MOST_KEYS,
    maxSize: MOST_KEY_CHARACTERS,
    sizeCalculation: (_trait, key) => key.length + 1,
  })
  readonly #failed = new LRUCache<string, true>({ max: 1024, ttl: REFRESH_PAUSE_MS })

  get(key: string): KeyTrait | undefined {
    return this.#traits.get(key)
  }

  learn(key: string, trait: KeyTrait): void {
    const ttl = trait === 'alone' ? ALONE_MS : SHAREABLE_MS
    // Every answer teaches; what is known well enough need not be written down again.
    if (this.#traits.get(key) === trait && this.#traits.getRemainingTTL(key) > ttl / 2) return
    this.#traits.set(key, trait, { ttl })
  }

  /** What an answer teaches about its key. A part says nothing of the whole, a failing app nothing of its answers. */
  learnFrom(key: string, decision: StoreDecision, status: number): void {
    if (decision.store) {
      if (decision.part === null) this.learn(key, 'shareable')
    } else if (status < 500 && !isAboutRequest(decision.reason, status)) this.learn(key, 'alone')
  }

  refreshFailed(key: string): void {
    this.#failed.set(key, true)
  }

  mayRefresh(key: string): boolean {
    return !this.#failed.has(key)
  }
}

/** Refusals that come from what one request asked for, and say nothing about the next. */
const ofRequest: ReadonlySet<string> = new Set([
  ...['method', 'request-body', 'request-no-store', 'request-override', 'authorization'],
  ...['partial', 'partial-unasked', 'partial-multipart', 'partial-malformed'],
])

function isAboutRequest(reason: string, status: number): boolean {
  return ofRequest.has(reason) || status === 304 || status === 412 || status === 416
}
