/**
 * Connections to an origin: more only where requests waited for a socket while attempts were no slower than alone; slow
 * answers are no reason. Warm connections follow what the last minutes used at once.
 */
import type { Book, Knob } from '../guard/book.ts'
import { finite, rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

const GROW_BELOW = 1.7
const WAITED_WINDOWS = 3
const REST = 60
/** Five minutes later, what was used at once counts for a third. */
const KEEP = Math.exp(-1 / 300)
/** Windows before it says anything, and between two changes. */
const WARM_REST = 300
/** A wish that differs by less is left as it is. */
const WORTH_CHANGING = 0.25

export class PoolKnob {
  #waited = 0
  #restUntil = 0
  #used = 0
  #warmRestUntil = WARM_REST
  /** Both only where they are configured; null = not looked for yet. */
  #knobs: { readonly most: Readonly<Knob> | undefined; readonly least: Readonly<Knob> | undefined } | null = null

  decide(upstream: UpstreamMemory, book: Book): void {
    this.#used = Math.max(upstream.now.inflightAvg, this.#used * KEEP)
    this.#knobs ??= {
      most: book.slot('upstream', upstream.id, 'poolMax'),
      least: book.slot('upstream', upstream.id, 'poolMin'),
    }
    const { most, least } = this.#knobs
    if (least !== undefined) this.#decideWarm(least, most, book)
    const size = most?.value
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

  #decideWarm({ target, value: now }: Readonly<Knob>, most: Readonly<Knob> | undefined, book: Book): void {
    if (typeof now !== 'number' || book.now < this.#warmRestUntil) return
    const to = Math.min(Math.ceil(this.#used), finite(most?.value, Number.POSITIVE_INFINITY))
    if (Math.abs(to - now) < Math.max(1, WORTH_CHANGING * now)) return
    this.#warmRestUntil = book.now + WARM_REST
    book.change({
      scope: 'upstream',
      target,
      knob: 'poolMin',
      to,
      hypothesis: `the last minutes had up to ${rounded(this.#used)} attempts at once`,
      evidence: { atOnce: rounded(this.#used), warm: now },
      expected: to > now ? 'no request waits for a handshake' : 'no connection is kept that nobody uses',
    })
  }
}
