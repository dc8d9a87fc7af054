/**
 * Which requests are open for as long as somebody listens (event streams, long polls), so that their time says nothing
 * of the origin and they hold no place of its limit. Event streams say so in their head; long polls are learned by the
 * shape of their path.
 */

/** A request without an answer for this long is one, if the origin has answered others well meanwhile. */
export const HELD_MS = 4_000
/** Others that must have been answered meanwhile. */
const OTHERS = 5
/** Latency over unloaded latency at which the origin answers others well. */
const WELL = 3
/** Times that a shape must have been held before it is believed to be a long poll. */
const HELD_TIMES = 2
/** Quick answers in a row that make a shape an ordinary one again. */
const QUICK_TIMES = 3
/** Longest shape that is looked at: what is behind it tells no more. */
const SHAPE_SEGMENTS = 6

/** After its head a transfer holds its place for this long: the origin's work is done, the rest is the client's speed. */
const TRANSFER_MS = 500
/** An upload that lasts gives its place back after this. */
const UPLOAD_MS = 1_000

/** A request that holds a place. Times by one clock in ms, 0 = not yet. */
export interface PlaceHolder {
  readonly nowMs: number
  readonly startedMs: number
  /** Sent to its end. */
  readonly sentMs: number
  readonly headMs: number
  /** Answers of the origin to others since this one was sent. */
  readonly answersMeanwhile: number
  /** Latency over unloaded latency of the last window; null = not known. */
  readonly ratio: number | null
}

export type PlaceDecision =
  | { readonly holds: true; readonly reason: 'works' | 'transfers' | 'uploads' | 'all-are-slow' }
  | { readonly holds: false; readonly reason: 'long-transfer' | 'long-upload' | 'long-held' }

/** Whether it still holds its place: only what the origin works on does. */
export function decidePlace(holder: PlaceHolder): PlaceDecision {
  const { nowMs, startedMs, sentMs, headMs, answersMeanwhile, ratio } = holder
  if (headMs !== 0) {
    if (nowMs - headMs <= TRANSFER_MS) return { holds: true, reason: 'transfers' }
    return { holds: false, reason: 'long-transfer' }
  }
  if (sentMs === 0) {
    if (nowMs - startedMs <= UPLOAD_MS) return { holds: true, reason: 'uploads' }
    return { holds: false, reason: 'long-upload' }
  }
  if (nowMs - sentMs < HELD_MS) return { holds: true, reason: 'works' }
  const othersAreWell = answersMeanwhile >= OTHERS && ratio !== null && ratio < WELL
  return othersAreWell ? { holds: false, reason: 'long-held' } : { holds: true, reason: 'all-are-slow' }
}

/** What is known of one shape; plain data. */
export interface ShapeHistory {
  readonly held: number
  readonly quick: number
}

export const unknownShape: ShapeHistory = { held: 0, quick: 0 }

export function learnShape({ held, quick }: ShapeHistory, wasHeld: boolean): ShapeHistory {
  if (wasHeld) return { held: Math.min(held + 1, HELD_TIMES), quick: 0 }
  return quick + 1 >= QUICK_TIMES ? unknownShape : { held, quick: quick + 1 }
}

export function isBelievedHeld({ held }: ShapeHistory): boolean {
  return held >= HELD_TIMES
}

/** The target without its query, and a star for each segment that names a thing (it has digits, or is long). */
export function pathShape(target: string): string {
  const end = target.indexOf('?')
  const segments = (end < 0 ? target : target.slice(0, end)).split('/', SHAPE_SEGMENTS + 1)
  return segments.map(segment => (isNameOfThing(segment) ? '*' : segment)).join('/')
}

function isNameOfThing(segment: string): boolean {
  const digits = segment.replace(/\D/g, '').length
  return segment.length > 24 || (digits > 0 && (segment.length > 3 || digits === segment.length))
}
