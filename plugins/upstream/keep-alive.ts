/**
 * How long an unused connection may be kept: always below the origin's own limit, so that no request meets a
 * connection that is being closed (RFC 9112 §9.3.1 describes the race). Pure; the pool keeps the state.
 */

/** Kept for this long while nothing is known about the origin: below the 5 s of Node's servers. */
export const UNKNOWN_ORIGIN_IDLE_MS = 4_000
/** Distance kept from a limit that the origin has stated or shown. */
export const IDLE_MARGIN_MS = 1_000
/** A kept connection that served after most of its limit proves the origin's limit longer; grow by this factor. */
const GROWTH = 1.5
/** Share of the present limit that a reuse must reach to count as proof. */
const PROOF_SHARE = 0.6
/** Below this a limit is not worth keeping a connection for. */
const LEAST_IDLE_MS = 100

/** Closings that make a limit: two, but five where it is short, since restarts under load also close young connections. */
const TIMES_SEEN = 2
const TIMES_SEEN_SHORT = 5
const SHORT_IDLE_MS = 500
/** For how long an origin that closed at once may do so again; a restart that did it is over by then. */
const HASTE_MEMORY_MS = 10_000
/** Closings by the origin count as its limit when their idle times differ by no more than this share … */
const SAME_LIMIT_SHARE = 0.15
/** … or this, whichever is more, and when they lie apart: a restart closes everything at one moment. */
const SAME_LIMIT_MS = 150
const APART_MS = 500
/** A limit learned from closings is forgotten after ten minutes, since the origin may have been changed. */
const CLOSED_MEMORY_MS = 600_000
/** Answers in a row that ended their connections: then the origin keeps none. */
const ENDINGS_SEEN = 2

/** What a pool knows of an origin's patience, in milliseconds; null = nothing. */
export interface IdleKnowledge {
  /** From the origin's `Keep-Alive: timeout`. */
  hintMs: number | null
  /** Longest that is believed safe from what has been seen. */
  learnedMs: number | null
  /** Idle time after which the origin itself closes, seen at least twice, and when it was last seen. */
  closesAfter: { readonly idleMs: number; readonly atMs: number } | null
  /** The last closing by the origin, for comparison. */
  lastClose: { readonly idleMs: number; readonly atMs: number; readonly times: number } | null
  /** Answers that ended their connections since the last one that did not. */
  endings: number
}

export function unknownOrigin(): IdleKnowledge {
  return { hintMs: null, learnedMs: null, closesAfter: null, lastClose: null, endings: 0 }
}

/** The time a connection may be idle: a hint first, then what was learned, never above `maxIdleMs`. 0 = do not keep. */
export function decideIdleLimit(known: IdleKnowledge, maxIdleMs: number, nowMs: number): number {
  if (known.endings >= ENDINGS_SEEN) return 0
  const believed = known.hintMs === null ? (known.learnedMs ?? UNKNOWN_ORIGIN_IDLE_MS) : belowLimit(known.hintMs)
  const closes = known.closesAfter
  const isSeen = closes !== null && nowMs - closes.atMs < CLOSED_MEMORY_MS
  const limit = Math.min(isSeen ? Math.min(believed, belowLimit(closes.idleMs)) : believed, maxIdleMs)
  return limit < LEAST_IDLE_MS ? 0 : limit
}

/**
 * The same for a request that cannot be sent again if the connection closes on it: a single closing by the origin is
 * enough to stay below it, since a connection too many costs less than a failure that the user sees.
 */
export function decideIdleLimitOnce(known: IdleKnowledge, maxIdleMs: number, nowMs: number): number {
  const limit = decideIdleLimit(known, maxIdleMs, nowMs)
  const last = known.lastClose
  if (last === null || nowMs - last.atMs >= CLOSED_MEMORY_MS) return limit
  const below = belowLimit(last.idleMs)
  if (below >= LEAST_IDLE_MS) return Math.min(limit, below)
  return nowMs - last.atMs < HASTE_MEMORY_MS ? 0 : limit
}

/** A kept connection was used again after `idleMs` and answered: the origin is at least that patient. */
export function learnFromReuse(known: IdleKnowledge, idleMs: number, maxIdleMs: number): void {
  // An origin that lets a connection be idle for longer than it lately closed one after did not close for its age.
  if (known.lastClose !== null && idleMs > Math.max(known.lastClose.idleMs * 2, LEAST_IDLE_MS)) known.lastClose = null
  const present = known.learnedMs ?? UNKNOWN_ORIGIN_IDLE_MS
  if (idleMs >= present * PROOF_SHARE) known.learnedMs = Math.min(maxIdleMs, present * GROWTH)
}

/** The origin closed a connection that had been idle for `idleMs`: when that repeats itself, stay below it. */
export function learnFromClose(known: IdleKnowledge, idleMs: number, nowMs: number): void {
  const last = known.lastClose
  if (last !== null && nowMs - last.atMs < APART_MS) return
  const isSame = last !== null && Math.abs(last.idleMs - idleMs) <= Math.max(SAME_LIMIT_MS, idleMs * SAME_LIMIT_SHARE)
  const times = isSame ? last.times + 1 : 1
  const shortest = isSame ? Math.min(last.idleMs, idleMs) : idleMs
  known.lastClose = { idleMs: shortest, atMs: nowMs, times }
  if (times < (shortest < SHORT_IDLE_MS ? TIMES_SEEN_SHORT : TIMES_SEEN)) return
  known.closesAfter = { idleMs: shortest, atMs: nowMs }
  known.learnedMs = null
}

/**
 * An answer left its connection open, or ended it. An origin that always ends it may serve one connection at a time, and wait for the
 * request on one that is open in advance while all others wait for it.
 */
export function learnFromAnswer(known: IdleKnowledge, isKept: boolean): void {
  known.endings = isKept ? 0 : known.endings + 1
}

function belowLimit(limitMs: number): number {
  return Math.max(limitMs - IDLE_MARGIN_MS, Math.min(limitMs / 2, IDLE_MARGIN_MS))
}
