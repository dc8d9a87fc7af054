/**
 * Tells who looks from who fetches. A person reads before the next request; a program (a synchronisation, a crawler, an
 * app that fills its thumbnails) sends the next one as soon as an answer is there. So what counts is how many requests a
 * client has sent in a row right after the end of another one, and not how many it sends a second: while an app is slow,
 * a person who looks four times a second asks for more than a program that always waits.
 *
 * The more of them, the later its turn, as in foreground-background scheduling (least attained service first).
 */

/** What is known of a client, or of one connection of it. */
export interface Pace {
  /** When an answer to it ended last; by the clock of the caller. */
  readonly endedMs: number
  /** Requests in a row that came right after an end. */
  readonly followed: number
}

export const newcomer: Pace = { endedMs: Number.NEGATIVE_INFINITY, followed: 0 }

/** A request this soon after an end has not been thought about; more would often meet a person who looks on a clock. */
export const FOLLOWS_MS = 40
/**
 * 0 has been here before and looks again, 1 is new; then 1, 2–3, 4–7, 8–15, 16–31 in a row: a page and its parts; and the
 * last, 32 and more: fetches. So somebody in the middle of something does not wait for a herd that has just come.
 */
export const PACE_LEVELS = 8

/** Its next request comes at `nowMs`. */
export function paceAfterArrival({ endedMs, followed }: Pace, nowMs: number): Pace {
  return { endedMs, followed: nowMs - endedMs <= FOLLOWS_MS ? followed + 1 : 0 }
}

export function paceLevel({ endedMs, followed }: Pace): number {
  if (followed === 0) return endedMs === newcomer.endedMs ? 1 : 0
  return Math.min(PACE_LEVELS - 1, 33 - Math.clz32(followed))
}
