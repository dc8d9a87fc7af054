/**
 * The time limit of an attempt. It is only ever raised: a limit that cuts off answers which would have come in time to be
 * worth something costs more than one that waits a little long. What is past its goal is worth nothing, however long one
 * waits, so a limit beyond the goal stays.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'

const LEAST_SAMPLES = 200
const HEADROOM = 3

export function decideTimeout(route: RouteMemory, book: Book): void {
  const now = book.value('route', route.id, 'timeoutMs')
  if (typeof now !== 'number' || now >= route.goal.badMs || route.recent.count < LEAST_SAMPLES) return
  const slowestMs = route.recent.max
  const to = Math.min(route.goal.badMs, Math.round(Math.max(HEADROOM * slowestMs, route.longestOkMs)))
  if (to <= now * 1.1) return
  book.change({
    scope: 'route',
    target: route.id,
    knob: 'timeoutMs',
    to,
    hypothesis: `answers take up to ${rounded(route.longestOkMs)} ms, the limit of ${now} ms leaves too little room`,
    evidence: {
      slowestMs: rounded(slowestMs),
      longestMs: rounded(route.longestOkMs),
      samples: route.recent.count,
    },
    expected: 'no answer is cut off that would have been worth something',
  })
}
