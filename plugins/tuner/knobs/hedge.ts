/**
 * A second attempt for a request that is slow by chance. Worth it where slow attempts are rare, independent of the
 * request and spare capacity is there; the delay is the one with the greatest expected gain. Where the second attempt
 * seldom wins, requests are slow for reasons of their own and hedging stops.
 */
import type { Book } from '../guard/book.ts'
import { clamp, rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'
import type { Goal } from '../types.ts'

const LEAST_SAMPLES = 100
const CANDIDATES = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.93, 0.95, 0.97]
/** Points that stand for the distribution of times. */
const POINTS = 64
/** Share of the requests that a second attempt is made for, so that with retries it stays below one in ten. */
const MOST_EXTRA = 0.085
/** In a few hundred times it may seem more; what it turns out to be is corrected. */
const MOST_SEEMING = 0.12
const COST_OF_EXTRA = 0.05
/** What a second attempt must bring at least, and still does when chance has made the gain seem larger than it is. */
const LEAST_GAIN = 0.01
const STANDARD_ERRORS = 2
const CROWDED = 1.8
/** A few that never win tell as much as many that seldom do. */
const LEAST_WINS = 0.25
const LEAST_HEDGES = 10
const LEAST_HEDGES_IN_VAIN = 5
const SOON_JUDGED = 20
/** Requests after which it is known how many second attempts a delay leads to. */
const ENOUGH_ASKED = 300
/** What was before so many says nothing of now. */
const MOST_ASKED = 3000
const REST = 10
const LONG_REST = 30
const SPREAD = 11
const CROWDED_HOLD = 120
/** Why requests are slow seldom changes within minutes. */
const HOLD = 1800
const MOST_HOLD = 6 * 3600

export class HedgeKnob {
  #notBefore = 0
  #hold = HOLD
  readonly #atStart = { made: 0, won: 0, asked: 0 }

  readonly #longRest: number

  /** `place`: which of the routes this is, so that not all are looked at in the same windows. */
  constructor(place = 0) {
    this.#longRest = LONG_REST + (place % SPREAD)
  }

  decide(route: RouteMemory, upstream: UpstreamMemory, book: Book): void {
    const now = book.value('route', route.id, 'hedgeDelayMs')
    if (now === undefined || !route.idempotent) return
    const isOn = typeof now === 'number'
    if (isOn && this.#isUseless(route)) {
      this.#notBefore = book.now + this.#hold
      this.#hold = Math.min(MOST_HOLD, this.#hold * 4)
      return this.#set(
        null,
        route,
        book,
        'second attempts seldom win: slow requests are slow for reasons of their own',
        0,
      )
    }
    if (book.now < this.#notBefore || route.recent.count < LEAST_SAMPLES) return
    if (upstream.isSaturated || upstream.ratio > CROWDED) {
      if (isOn && upstream.ratio > CROWDED) {
        this.#notBefore = book.now + CROWDED_HOLD
        this.#set(null, route, book, 'the upstream is crowded', 0)
      }
      return
    }
    // With second attempts under way the slow ones are not seen any more; what is seen says nothing of the delay.
    if (isOn) return this.#later(now, route, book)
    const { delayMs, gain, surely, extra } = mayGain(route) ? bestDelay(route) : noDelay
    // All of a ring is put in order for it: soon again only where a few more samples may decide.
    this.#notBefore = book.now + (gain > LEAST_GAIN ? REST : this.#longRest)
    // In a minute. Where it would not be known by then whether they win, there is little to be won either; where it is
    // known within seconds, trying it tells more than waiting for better figures.
    const expected = extra * route.counts.first
    if (expected < LEAST_HEDGES_IN_VAIN || (expected < SOON_JUDGED ? surely : gain) <= LEAST_GAIN) return
    Object.assign(this.#atStart, route.hedges)
    this.#set(Math.round(delayMs), route, book, 'some attempts are slow by chance', gain)
  }

  #isUseless({ hedges }: RouteMemory): boolean {
    const made = hedges.made - this.#atStart.made
    const won = hedges.won - this.#atStart.won
    return won === 0 ? made >= LEAST_HEDGES_IN_VAIN : made >= LEAST_HEDGES && won / made < LEAST_WINS
  }

  /** The delay was found in a few hundred times: where it leads to more second attempts than it should, it is too short. */
  #later(delayMs: number, route: RouteMemory, book: Book): void {
    const asked = route.hedges.asked - this.#atStart.asked
    if (asked < ENOUGH_ASKED) return
    const share = (route.hedges.made - this.#atStart.made) / asked
    const isTooMany = share > MOST_EXTRA + STANDARD_ERRORS * Math.sqrt(MOST_EXTRA / asked)
    if (isTooMany || asked >= MOST_ASKED) Object.assign(this.#atStart, route.hedges)
    if (!isTooMany) return
    const why = `${rounded(100 * share)} % of the requests were made twice`
    this.#set(Math.round(delayMs * clamp(share / MOST_EXTRA, 1.1, 2)), route, book, why, 0)
  }

  #set(to: number | null, route: RouteMemory, book: Book, hypothesis: string, gain: number): void {
    book.change({
      scope: 'route',
      target: route.id,
      knob: 'hedgeDelayMs',
      to,
      hypothesis,
      protects: to === null,
      evidence: {
        gain: rounded(gain),
        samples: route.recent.count,
        hedges: route.hedges.made,
        won: route.hedges.won,
      },
      expected:
        to === null
          ? 'no attempt is made in vain'
          : `${gain > 0 ? `${rounded(100 * gain)} points of utility, ` : ''}at most ${100 * MOST_EXTRA} % more attempts`,
    })
  }
}

export interface BestDelay {
  readonly delayMs: number
  /** In mean utility, less what the further attempts cost. */
  readonly gain: number
  /** The same, less what may be chance. */
  readonly surely: number
  /** Share of the requests that a second attempt would be made for. */
  readonly extra: number
}

const noDelay: BestDelay = { delayMs: 0, gain: 0, surely: 0, extra: 0 }

/**
 * A second attempt brings back no more than its request has lost, and of a hundred requests twelve at most are asked twice.
 * Where even the slowest has lost too little for that, no delay is worth anything, and nothing need be put in order to know.
 */
function mayGain({ recent, goal }: RouteMemory): boolean {
  const mostLost = 1 - worthOf(goal, recent.max)
  return MOST_SEEMING * (mostLost - COST_OF_EXTRA) > LEAST_GAIN
}

function worthOf({ goodMs, badMs }: Goal, ms: number): number {
  return Math.min(1, Math.max(0, (badMs - ms) / (badMs - goodMs)))
}

/** The delay with the greatest gain. */
export function bestDelay({ recent, goal }: Pick<RouteMemory, 'recent' | 'goal'>): BestDelay {
  for (let i = 0; i < POINTS; i++) times[i] = recent.quantile((i + 0.5) / POINTS)
  const worth = (ms: number) => worthOf(goal, ms)
  let best = noDelay
  for (const quantile of CANDIDATES) {
    const delayMs = recent.quantile(quantile)
    const firstSlow = times.findIndex(ms => ms > delayMs)
    const extra = firstSlow < 0 ? 0 : (POINTS - firstSlow) / POINTS
    if (extra === 0 || extra > MOST_SEEMING) continue
    const { sum, squares } = gainedBy({ firstSlow, delayMs, worth })
    const gain = sum / POINTS - COST_OF_EXTRA * extra
    const error = Math.sqrt(squares / POINTS / Math.max(1, recent.count))
    if (gain > best.gain) best = { delayMs, gain, surely: gain - STANDARD_ERRORS * error, extra }
  }
  return best
}

/** Of the route that is looked at, in ascending order; the same array for each. */
const times = new Float64Array(POINTS)

interface Candidate {
  /** The first of the times that a second attempt would be made for. */
  readonly firstSlow: number
  readonly delayMs: number
  readonly worth: (ms: number) => number
}

/** What the slow ones gain by a second attempt whose time is any of them all. */
function gainedBy({ firstSlow, delayMs, worth }: Candidate): { sum: number; squares: number } {
  let sum = 0
  let squares = 0
  for (let i = firstSlow; i < times.length; i++) {
    const ms = times[i] as number
    const alone = worth(ms)
    let gained = 0
    // In order, so that the first second attempt which does not win ends it.
    for (let k = 0; k < times.length; k++) {
      const second = delayMs + (times[k] as number)
      if (second >= ms) break
      gained += (worth(second) - alone) / times.length
    }
    sum += gained
    squares += gained * gained
  }
  return { sum, squares }
}
