/**
 * Errors that the cache gives to those it answers, or to an exchange that nobody needs any more.
 */
import createError from '@fastify/error'
import { CACHE_NAME } from './names.ts'
import { formatCacheStatus } from './rules/cache-status.ts'

const NobodyWaits = createError('HG_CLIENT_LEFT', 'nobody waits for this answer any more', 499)
const OnlyIfCached = createError(
  'HG_CACHE_ONLY_IF_CACHED',
  'the client wanted a stored answer (only-if-cached) and there is none',
  504,
)

const TooSlow = createError('HG_CACHE_TOO_SLOW', 'the client took nothing while others waited for the same answer', 499)

export function tooSlow(): Error {
  return new TooSlow()
}

export function nobodyWaits(): Error {
  return new NobodyWaits()
}

/** RFC 9111 §5.2.1.7; its answer says whose it is (RFC 9211). */
export function onlyIfCached(): Error {
  const status = formatCacheStatus(CACHE_NAME, { detail: 'only-if-cached' })
  return Object.assign(new OnlyIfCached(), { fields: { 'cache-status': status } })
}
