/**
 * Connections to an origin: more only where requests waited for a socket while attempts were no slower than alone; slow
 * answers are no reason. Warm connections follow what the last minutes used.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

const GROW_BELOW = 1.7
const WAITED_WINDOWS = 3
const REST = 60

export class PoolKnob {
  #waited = 0
  #restUntil = 0

  decide(upstream: UpstreamMemory, book: Book): void {
    const size = book.value('upstream', upstream.id, 'poolMax')
    if (typeof size !== 'number') return
    this.#waited = upstream.now.waitedForSocket > 0 ? this.#waited + 1 : 0
    if (this.#waited < WAITED_WINDOWS || upstream.ratio >= GROW_BELOW || book.now < this.#restUntil) return
    this.#restUntil = book.now + REST
    book.change({
      scope: 'upstream',
      target: upstream.id,
      knob: 'poolMax',
      to: Math.ceil(size * 1.25),
      hypothesis: `requests waited for a socket while attempts were ${rounded(upstream.ratio)} times as slow as alone`,
      evidence: { waited: upstream.now.waitedForSocket, ratio: rounded(upstream.ratio), windows: this.#waited },
      expected: 'nobody waits for a socket',
    })
  }
}
