/**
 * How long an answer without a lifetime of its own may be reused, on routes that allow it at all: twice as long while
 * nearly every revalidation says that nothing has changed, half as long as soon as something has.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'

const LEAST_ASKED = 20
const UNCHANGED = 0.95
const REST = 120

export class CacheTtlKnob {
  #restUntil = 0

  decide(route: RouteMemory, book: Book): void {
    const now = book.value('route', route.id, 'cacheTtlMs')
    if (typeof now !== 'number') return
    const asked = route.revalidated + route.changed
    if (asked < LEAST_ASKED || book.now < this.#restUntil) return
    const unchanged = route.revalidated / asked
    const to = unchanged >= UNCHANGED ? now * 2 : now / 2
    this.#restUntil = book.now + REST
    book.change({
      scope: 'route',
      target: route.id,
      knob: 'cacheTtlMs',
      to,
      hypothesis: `${rounded(100 * unchanged)} % of the revalidations found nothing changed`,
      evidence: { unchanged: rounded(unchanged), asked: rounded(asked) },
      expected: to > now ? 'fewer questions to the origin' : 'no answer is older than what the origin has',
    })
  }
}
