/**
 * Carries out what an unsafe request means for the store (RFC 9111 §4.4): entries of its own address and of those that
 * its answer names, under both schemes, and fills that run for them.
 */
import type { Fills } from './fill/fills.ts'
import type { Passage } from './passage.ts'
import { decideInvalidation } from './rules/invalidation.ts'
import { keyedTarget } from './rules/key.ts'
import type { Awaitable, CacheStore } from './stores/index.ts'

const schemes = ['http', 'https'] as const

export interface Invalidated {
  readonly store: CacheStore
  readonly fills: Fills
  /** Others keep copies of what this store holds, and learn of a purge by it. */
  readonly isStoreShared: boolean
}

/** Done when the store has taken it. */
export function invalidate(
  from: Invalidated,
  passage: Passage,
  status: number,
  headers: readonly string[],
): Awaitable<unknown> {
  // What an override field makes of a GET may be anything.
  const request = passage.reason === 'override' ? { ...passage.request, method: 'POST' } : passage.request
  const decision = decideInvalidation(request, { status, headers })
  if (!decision.invalidate) return null
  const taken: Awaitable<unknown>[] = []
  for (const scheme of schemes) {
    for (const target of decision.targets) taken.push(forgetTarget(from, passage, target, scheme))
    for (const prefix of decision.prefixes) {
      const value = passage.publicUrl(prefix, scheme)
      from.fills.makeVoid(fill => fill.passage.keyedUrl.startsWith(value))
      from.fills.forms.forget(entry => entry.url.startsWith(value))
      taken.push(from.store.purge({ by: 'prefix', value }))
    }
  }
  return taken.some(each => each instanceof Promise) ? Promise.all(taken) : null
}

function forgetTarget(
  { store, fills, isStoreShared }: Invalidated,
  passage: Passage,
  target: string,
  scheme: (typeof schemes)[number],
): Awaitable<unknown> {
  const { headers = [], cookies = [], ignoreQuery } = passage.scope.settings.key
  const url = passage.publicUrl(keyedTarget(target, ignoreQuery), scheme)
  const key = passage.keyFor(target, scheme)
  // The answer to a POST may itself be on its way into the store.
  const isFilling = fills.makeVoid(
    ({ passage: running }) => running !== passage && (running.key === key || running.keyedUrl === url),
  )
  fills.forms.forget(entry => entry.key === key || entry.url === url)
  // Keys that hold more than the address cannot be named one by one.
  const isNamed = headers.length === 0 && cookies.length === 0 && !passage.call.client.isPeerTrusted
  if (!isNamed) return store.purge({ by: 'url', value: url })
  // A purge that is written down keeps what is being stored now out.
  if (isStoreShared || isFilling) return store.delete(key)
  const found = store.lookup(key)
  if (found instanceof Promise) return found.then(entries => entries !== null && store.delete(key))
  return found !== null && store.delete(key)
}
