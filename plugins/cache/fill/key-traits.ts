/**
 * What was learned of keys by earlier answers: that an answer could be shared, or that it could not, so that requests for
 * it do not wait for each other (security lesson 14).
 */
import { LRUCache } from 'lru-cache'

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
    this.#traits.set(key, trait, { ttl: trait === 'alone' ? ALONE_MS : SHAREABLE_MS })
  }

  refreshFailed(key: string): void {
    this.#failed.set(key, true)
  }

  mayRefresh(key: string): boolean {
    return !this.#failed.has(key)
  }
}
