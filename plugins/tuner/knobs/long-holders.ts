/**
 * Routes whose requests are open for as long as somebody listens: event streams, long polls. They do no work while they
 * wait, so they are not counted by the limit, and their times say nothing of how fast the upstream is. Until the first of
 * them have ended they are known by being open, many and long, beside others that are as fast as ever.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

const LEAST_SAMPLES = 20
const LEAST_MS = 3000
const MEDIAN_MS = 5000
/** Open at once, and so long on average, before any has to have ended. */
const LEAST_OPEN = 3
const OPEN_FOR = 15
/** Looks in a row, some seconds apart. */
const LOOKS = 3
/** Others that had to do with the same upstream, and how much slower than alone they may have been. */
const OTHERS_SEEN = 30
const UNSLOWED = 2.3

export class LongHolders {
  isExempt = false
  #looks = 0

  decide(route: RouteMemory, upstream: UpstreamMemory, book: Book): void {
    const { id, recent } = route
    const isKnown = recent.count >= LEAST_SAMPLES
    const isLong = isKnown
      ? recent.isAbove(LEAST_MS) && recent.quantile(0.5) > MEDIAN_MS
      : this.isExempt || this.#seemsHeld(route, upstream)
    if (isLong === this.isExempt) return
    this.isExempt = isLong
    book.change({
      scope: 'route',
      target: id,
      knob: 'exempt',
      to: isLong,
      hypothesis: why(isLong, isKnown),
      evidence: {
        shortestMs: rounded(recent.min),
        medianMs: rounded(recent.quantile(0.5)),
        samples: recent.count,
        open: route.open,
      },
      expected: isLong ? 'they take no slot from requests that need work' : 'the limit counts them again',
    })
  }

  #seemsHeld(route: RouteMemory, { routes, now, ratio }: UpstreamMemory): boolean {
    const { open, openFor, recent } = route
    const isShort = !recent.isAbove(LEAST_MS)
    const others = routes.filter(other => other !== route)
    const areOthersFast = ratio < UNSLOWED && others.some(other => other.recent.count >= OTHERS_SEEN)
    // Who waits is open as well, and nothing is known of how long it will take.
    const held = Math.min(open, now.inflightAvg - others.reduce((sum, other) => sum + other.open, 0))
    const isHeld = !isShort && areOthersFast && held >= LEAST_OPEN && (openFor * held) / open >= OPEN_FOR
    this.#looks = isHeld ? this.#looks + 1 : 0
    return this.#looks >= LOOKS
  }
}

function why(isLong: boolean, isKnown: boolean): string {
  if (!isLong) return 'requests are short again'
  return isKnown
    ? 'no request is shorter than a few seconds: they are held open, not worked on'
    : 'they stay open, several and long, beside others that are as fast as ever: held open, not worked on'
}
