/**
 * How many attempts run at an upstream at once. The evidence is how much slower attempts are than alone: about twice as
 * slow means that as many wait inside the upstream as are worked on, where they can be neither ordered nor given up.
 * Below that the limit may grow while requests wait for it; above it shrinks. Each step is checked by what was finished.
 */
import type { Book, Knob } from '../guard/book.ts'
import { clamp, finite, rounded } from '../model/numbers.ts'
import type { Look, Now, UpstreamMemory } from '../model/upstream-memory.ts'
import { isBlind, trustAlone } from './blind.ts'
import { CROWDED, ENOUGH_CROWDED, isEnough, isSure, isTooLong } from './enough.ts'
import { floorOf } from './floor.ts'
import { GROW_BELOW, growthAt } from './growth.ts'
import { StallWatch } from './stall.ts'
import {
  A_FEW,
  changeBy,
  conclude,
  isComparable,
  isInVain,
  measured,
  missingAnswers,
  type Rates,
  ratesOf,
  type Step,
} from './step.ts'

export const START_LIMIT = 16
const MOST = 256
const SHRINK_ABOVE = 2.3
/** The same where little has been seen. */
const FAR_ABOVE = 3
/** Hardly slower than alone: the long hold after growth that had to be taken back is not for this. */
const ROOMY = 1.2
/** Where a shrinking limit aims at. */
const AIM = 2
/** Until something speaks against more, a step is believed sooner. */
const CHECK_WINDOWS_AT_START = 2
/** A step is checked over this many windows, so that chance evens out. */
const CHECK_WINDOWS = 5
const CHECK_DONE = 60
const CHECK_MOST_WINDOWS = 20
/** Less finished by this share: a step has cost something. */
const WORSE = 0.1
/** So many times more than what may be chance needs no further samples. */
const SURELY = 1.5
const HOLD = 10
const MOST_HOLD = 900
const HOUR = 3600

export class ConcurrencyKnob {
  readonly #upstream: UpstreamMemory
  readonly #book: Book
  readonly #stall: StallWatch
  #slot: Readonly<Knob> | undefined
  #step: Step | null = null
  #growNotBefore = 0
  /** Windows to the next growth, longer each time that growth had to be taken back. */
  #hold = HOLD
  #hasGrown = false
  #roomyNotBefore = 0
  #shrinkNotBefore = 0
  /** Requests have never waited inside. */
  #isStarting = true
  /** So many at once may have broken the upstream. */
  #ceiling = MOST
  #ceilingUntil = 0

  constructor(upstream: UpstreamMemory, book: Book) {
    this.#upstream = upstream
    this.#book = book
    this.#stall = new StallWatch(upstream, book)
  }

  get limit(): number {
    this.#slot ??= this.#book.slot('upstream', this.#upstream.id, 'maxConcurrency')
    return finite(this.#slot?.value, START_LIMIT)
  }

  /** A step is being checked: whoever moves another knob of this upstream now would spoil the answer. */
  get isChecking(): boolean {
    return this.#step !== null
  }

  get isDraining(): boolean {
    return this.#stall.isDraining
  }

  /** The limit is where it began: what is found from now on is found as at first. */
  startAgain(): void {
    this.#isStarting = true
    this.#hold = HOLD
    this.#step = null
    this.#upstream.lookAgain()
  }

  /** `mayTry`: false = only what protects, a shrinking limit where the upstream is crowded. */
  decide(mayTry = true): void {
    const { look, now } = this.#upstream
    if (now.foundAtFirst > 0) this.#adopt(now, look)
    if (this.#stalls()) return
    if (this.#step !== null && !this.#isHurting(look)) return this.#check(this.#step, look)
    if (!isEnough(look)) {
      const ratio = missingAnswers(look, this.#upstream.routes)
      if (ratio > CROWDED && this.limit > floorOf(this.#upstream, this.#book)) return this.#shrink(look, ratio)
      if (isTooLong(look)) this.#upstream.lookAgain()
      return
    }
    // Nobody is slowed down by others where there are none.
    this.#upstream.ratio = look.inflight / look.windows < 1 && look.saturated === 0 ? 1 : look.ratios.quantile(0.5)
    this.#move(look, mayTry)
    if (this.#step === null && isSure(look)) this.#upstream.lookAgain()
  }

  #move(look: Look, mayTry: boolean): void {
    const { limit } = this
    const ratio = look.ratios.quantile(0.5)
    const isUsed = look.inflight / look.windows > 0.6 * limit || look.saturated > 0
    const { now } = this.#book
    if (isBlind(this.#upstream, limit, floorOf(this.#upstream, this.#book)))
      return mayTry ? this.#feel(look, ratio) : undefined
    if (ratio >= ROOMY) this.#isStarting = false
    if (
      ratio > (isSure(look) ? SHRINK_ABOVE : FAR_ABOVE) &&
      isUsed &&
      now >= this.#shrinkNotBefore &&
      limit > floorOf(this.#upstream, this.#book)
    )
      return this.#shrink(look, ratio)
    if (!mayTry || look.saturated / look.windows < 0.5 || ratio >= GROW_BELOW) return
    if (now < (ratio < ROOMY ? this.#roomyNotBefore : this.#growNotBefore)) return
    const most = now < this.#ceilingUntil ? this.#ceiling - 1 : MOST
    const to = Math.min(most, Math.max(limit + 1, Math.round(limit * growthAt(ratio, this.#isStarting))))
    // At worst all that is added waits inside: then it must not have to be taken back.
    if (to <= limit || (ratio * to) / limit > SHRINK_ABOVE) return
    const hypothesis = `requests wait while attempts are only ${rounded(ratio)} times as slow as alone: the limit holds them back`
    this.#take(to, look, { hypothesis, expected: 'more is finished, and attempts become no slower', ratio })
  }

  /** Fewer at once, until that costs throughput: then the upstream was not crowded, and otherwise it is not any more. */
  #feel(look: Look, ratio: number): void {
    if (look.saturated / look.windows < 0.8) return
    this.#isStarting = false
    const hypothesis = 'requests wait, and it has never been seen with fewer at once: it may be crowded since the start'
    this.#take(Math.max(floorOf(this.#upstream, this.#book), Math.round(this.limit / 2)), look, {
      hypothesis,
      expected: 'as much is finished, and each attempt is faster',
      ratio,
    })
  }

  /**
   * Admission has looked before a whole window was over. Its step is checked like one of ours; and where attempts turn out to
   * be as fast as alone, the limit goes up again as fast as from the start.
   */
  #adopt({ foundAtFirst, aloneAtFirstMs }: Now, look: Look): void {
    const to = Math.round(foundAtFirst)
    if (to >= this.limit) return
    trustAlone(this.#upstream, aloneAtFirstMs)
    const hypothesis = 'the first answers of a crowd came so slowly that most of it waited inside the upstream'
    this.#take(to, look, { hypothesis, expected: 'as much is finished, and each attempt is faster', ratio: 0 })
    this.#waitLonger()
  }

  #shrink(look: Look, ratio: number): void {
    this.#isStarting = false
    const to = Math.max(floorOf(this.#upstream, this.#book), Math.round(this.limit * clamp(AIM / ratio, 0.4, 0.9)))
    if (to >= this.limit) return
    const hypothesis = `attempts are ${rounded(ratio)} times as slow as alone: more run than the upstream works on`
    this.#take(to, look, { hypothesis, expected: 'as much is finished, and each attempt is faster', ratio })
    if (this.#hasGrown) this.#hold = Math.min(MOST_HOLD, this.#hold * 3)
    else this.#hold = Math.max(HOLD, this.#hold / 2)
    this.#hasGrown = false
    this.#roomyNotBefore = this.#book.now + HOLD
    this.#growNotBefore = Math.max(this.#growNotBefore, this.#book.now + this.#hold)
  }

  #take(
    to: number,
    look: Look,
    { hypothesis, expected, ratio }: { hypothesis: string; expected: string; ratio: number },
  ): void {
    const from = this.limit
    const isProtecting = to < from
    const evidence = {
      ratio: rounded(ratio),
      samples: look.ratios.count,
      windows: look.windows,
      inFlight: rounded(look.inflight / look.windows),
    }
    const change = {
      scope: 'upstream' as const,
      target: this.#upstream.id,
      knob: 'maxConcurrency',
      to,
      hypothesis,
      evidence,
      expected,
    }
    const entry = this.#book.change({ ...change, protects: isProtecting, verdict: 'pending' })
    if (entry === null) return
    const seen = ratesOf(look)
    const chain = this.#unsureStep(isProtecting, seen)
    if (this.#step !== null) conclude(this.#step.entry, 'kept', 'followed by a further step in the same direction')
    this.#step = { from: chain?.from ?? from, to: this.limit, before: chain?.before ?? seen, entry }
    this.#upstream.lookOn()
  }

  /** A chain of protecting steps is checked against what was before the first of those that may have cost something. */
  #unsureStep(isProtecting: boolean, { isUsed, doneARound }: Rates): Step | null {
    const step = this.#step
    if (step === null || !isProtecting || step.to > step.from) return null
    const isSure = isUsed && step.before.isUsed && doneARound >= (1 - WORSE) * step.before.doneARound
    return isSure ? null : step
  }

  /** Growing was a mistake, or shrinking has not gone far enough: no need to wait for the check. */
  #isHurting({ ratios, windows, failed, done }: Look): boolean {
    if (this.#step === null) return false
    if (this.#step.to > this.#step.from && failed > 5 && failed > done) return true
    return (
      windows >= 2 &&
      ratios.count >= ENOUGH_CROWDED &&
      ratios.quantile(0.5) > SHRINK_ABOVE * 1.15 &&
      this.limit > floorOf(this.#upstream, this.#book)
    )
  }

  #check(step: Step, look: Look): void {
    const isLong = look.windows >= CHECK_MOST_WINDOWS
    const isStarting = this.#isStarting && look.ratios.count >= A_FEW && look.ratios.quantile(0.5) < ROOMY
    const windows = isStarting ? CHECK_WINDOWS_AT_START : CHECK_WINDOWS
    const isDue = isLong || (look.windows >= windows && look.done >= CHECK_DONE)
    if (!isDue && look.windows < CHECK_WINDOWS_AT_START) return
    const after = ratesOf(look)
    const change = changeBy(step, after)
    const canTell = isComparable(step, after, look)
    const isWorse = canTell && change.change < -Math.max(WORSE, (isDue ? 1 : SURELY) * change.chance)
    if (!isDue && !isWorse) return
    const words = measured(change, canTell, look)
    if (isWorse) this.#undo(step, words, look)
    else conclude(step.entry, 'kept', words)
    if (!isWorse && step.to > step.from) this.#grown(canTell && isInVain(step, change.change))
    this.#step = null
    this.#upstream.lookAgain()
  }

  /** What brought nothing is no mistake yet, but not soon tried again either: else it goes up until it must come down. */
  #grown(isInVain: boolean): void {
    this.#hasGrown = true
    if (isInVain) this.#waitLonger()
  }

  #waitLonger(): void {
    this.#hold = Math.min(MOST_HOLD, this.#hold * 2)
    this.#growNotBefore = this.#book.now + this.#hold
  }

  #undo(step: Step, measured: string, look: Look): void {
    this.#isStarting = false
    conclude(step.entry, 'undone', measured)
    const { now } = this.#book
    const wasShrinking = step.to < step.from
    this.#hold = Math.min(MOST_HOLD, this.#hold * 2)
    if (wasShrinking) {
      this.#isStarting = this.#upstream.routes.every(({ isKnown }) => !isKnown)
      for (const route of this.#upstream.routes) route.isKnown ||= route.aloneMs > 0
      this.#shrinkNotBefore = now + this.#hold
      // As slow with fewer at once: the upstream itself has become slower, and that is what alone means from now on.
      const factor = look.ratios.quantile(0.5) / AIM
      if (factor > 1) for (const route of this.#upstream.routes) route.rebase(factor)
    } else this.#growNotBefore = now + this.#hold
    this.#goBack(step, look, 'it did not bring what it should')
  }

  #goBack({ from, to }: Step, { done, windows }: Look, why: string): void {
    this.#book.change({
      scope: 'upstream',
      target: this.#upstream.id,
      knob: 'maxConcurrency',
      to: from,
      protects: true,
      hypothesis: `the step to ${to} is taken back: ${why}`,
      evidence: { done, windows },
      expected: 'as before the step',
    })
  }

  /** While the upstream is blocked, nothing that is seen says how many it can bear. */
  #stalls(): boolean {
    const state = this.#stall.decide(this.limit)
    if (state === 'drained') this.startAgain()
    if (state === 'widened' || state === 'over') this.#step = null
    if (state === 'over') this.#upstream.lookAgain()
    return state === 'stalled' || state === 'widened'
  }

  /**
   * Connections are refused and nothing is answered. Where more ran than before the step that is being checked, they may
   * have ended the process: not so many again for an hour. A restart that only happened to come then costs no more.
   */
  breakdown(): void {
    const step = this.#step
    const { now, look } = this.#upstream
    if (step === null || step.to < step.from || now.ok > 0) return
    this.#step = null
    conclude(step.entry, 'undone', 'connections were refused')
    if (look.peak > step.from) {
      this.#ceiling = Math.max(step.from, look.peak)
      this.#ceilingUntil = this.#book.now + HOUR
    }
    this.#goBack(step, look, 'connections are refused since it was made')
  }
}
