/**
 * Errors that the cache gives to those it answers, or to an exchange that nobody needs any more.
 */
import createError from '@fastify/error'

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

/** RFC 9111 §5.2.1.7 */
export function onlyIfCached(): Error {
  return new OnlyIfCached()
}
