/**
 * Routes whose requests are open for as long as somebody listens: event streams, long polls. They do no work while they
 * wait, so they are not counted by the limit, and their times say nothing of how fast the upstream is.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'

const LEAST_SAMPLES = 20
const LEAST_MS = 3000
const MEDIAN_MS = 5000

export class LongHolders {
  isExempt = false

  decide({ id, recent }: RouteMemory, book: Book): void {
    if (recent.count < LEAST_SAMPLES) return
    const isLong = recent.min > LEAST_MS && recent.quantile(0.5) > MEDIAN_MS
    if (isLong === this.isExempt) return
    this.isExempt = isLong
    book.change({
      scope: 'route',
      target: id,
      knob: 'exempt',
      to: isLong,
      hypothesis: isLong
        ? 'no request is shorter than a few seconds: they are held open, not worked on'
        : 'requests are short again',
      evidence: { shortestMs: rounded(recent.min), medianMs: rounded(recent.quantile(0.5)), samples: recent.count },
      expected: isLong ? 'they take no slot from requests that need work' : 'the limit counts them again',
    })
  }
}
