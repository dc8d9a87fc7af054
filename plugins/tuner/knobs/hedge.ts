/**
 * A second attempt for a request that is slow by chance. Worth it where slow attempts are rare, independent of the
 * request and spare capacity is there; the delay is the one with the greatest expected gain. Where the second attempt
 * seldom wins, requests are slow for reasons of their own and hedging stops.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

const LEAST_SAMPLES = 100
const CANDIDATES = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97]
/** Points that stand for the distribution of times. */
const POINTS = 64
const MOST_EXTRA = 0.15
const COST_OF_EXTRA = 0.05
const LEAST_GAIN = 0.01
const CROWDED = 1.8
const LEAST_WINS = 0.25
const LEAST_HEDGES = 10
const REST = 30
const HOLD = 120
const MOST_HOLD = 3600

export class HedgeKnob {
  #notBefore = 0
  #hold = HOLD
  readonly #atStart = { made: 0, won: 0 }

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
        this.#notBefore = book.now + HOLD
        this.#set(null, route, book, 'the upstream is crowded', 0)
      }
      return
    }
    // With second attempts under way the slow ones are not seen any more; what is seen says nothing of the delay.
    if (isOn) return
    this.#notBefore = book.now + REST
    const { delayMs, gain } = bestDelay(route)
    if (gain <= LEAST_GAIN) return
    Object.assign(this.#atStart, route.hedges)
    this.#set(Math.round(delayMs), route, book, 'some attempts are slow by chance', gain)
  }

  #isUseless({ hedges }: RouteMemory): boolean {
    const made = hedges.made - this.#atStart.made
    return made >= LEAST_HEDGES && (hedges.won - this.#atStart.won) / made < LEAST_WINS
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
          : `${rounded(100 * gain)} points of utility, for at most ${100 * MOST_EXTRA} % more attempts`,
    })
  }
}

/** The delay with the greatest gain in mean utility, less what the further attempts cost. */
export function bestDelay({ recent, goal }: Pick<RouteMemory, 'recent' | 'goal'>): { delayMs: number; gain: number } {
  const times = Array.from({ length: POINTS }, (_, i) => recent.quantile((i + 0.5) / POINTS))
  const worth = (ms: number) => Math.min(1, Math.max(0, (goal.badMs - ms) / (goal.badMs - goal.goodMs)))
  let best = { delayMs: 0, gain: 0 }
  for (const quantile of CANDIDATES) {
    const delayMs = recent.quantile(quantile)
    const firstSlow = times.findIndex(ms => ms > delayMs)
    const extra = firstSlow < 0 ? 0 : (POINTS - firstSlow) / POINTS
    if (extra === 0 || extra > MOST_EXTRA) continue
    const gain = gainedBy(times, { firstSlow, delayMs, worth }) / POINTS - COST_OF_EXTRA * extra
    if (gain > best.gain) best = { delayMs, gain }
  }
  return best
}

interface Candidate {
  /** The first of the times that a second attempt would be made for. */
  readonly firstSlow: number
  readonly delayMs: number
  readonly worth: (ms: number) => number
}

/** What the slow ones gain by a second attempt whose time is any of `times`, which are in ascending order. */
function gainedBy(times: readonly number[], { firstSlow, delayMs, worth }: Candidate): number {
  let gained = 0
  for (let i = firstSlow; i < times.length; i++) {
    const ms = times[i] as number
    const alone = worth(ms)
    // In order, so that the first second attempt which does not win ends it.
    for (let k = 0; k < times.length; k++) {
      const second = delayMs + (times[k] as number)
      if (second >= ms) break
      gained += (worth(second) - alone) / times.length
    }
  }
  return gained
}
