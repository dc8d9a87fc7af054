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
import { Rests, ROOMY } from './rests.ts'
import { StallWatch } from './stall.ts'
import { checkStep, conclude, missingAnswers, ratesOf, type Step, unsureStep } from './step.ts'

export const START_LIMIT = 16
const SHRINK_ABOVE = 2.3
/** The same where little has been seen. */
const FAR_ABOVE = 3
/** Where a shrinking limit aims at. */
const AIM = 2

export class ConcurrencyKnob {
  readonly #upstream: UpstreamMemory
  readonly #book: Book
  readonly #stall: StallWatch
  readonly #rests: Rests
  #slot: Readonly<Knob> | undefined
  #step: Step | null = null
  /** Requests have never waited inside. */
  #isStarting = true

  constructor(upstream: UpstreamMemory, book: Book) {
    this.#upstream = upstream
    this.#book = book
    this.#stall = new StallWatch(upstream, book)
    this.#rests = new Rests(book)
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
    this.#rests.startAgain()
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
    if (isBlind(this.#upstream, limit, floorOf(this.#upstream, this.#book)))
      return mayTry ? this.#feel(look, ratio) : undefined
    if (ratio >= ROOMY) this.#isStarting = false
    if (
      ratio > (isSure(look) ? SHRINK_ABOVE : FAR_ABOVE) &&
      isUsed &&
      this.#rests.mayShrink &&
      limit > floorOf(this.#upstream, this.#book)
    )
      return this.#shrink(look, ratio)
    if (!mayTry || look.saturated / look.windows < 0.5 || ratio >= GROW_BELOW) return
    if (!this.#rests.mayGrow(ratio)) return
    const to = Math.min(this.#rests.most, Math.max(limit + 1, Math.round(limit * growthAt(ratio, this.#isStarting))))
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
    this.#rests.undone('growth')
  }

  #shrink(look: Look, ratio: number): void {
    this.#isStarting = false
    const to = Math.max(floorOf(this.#upstream, this.#book), Math.round(this.limit * clamp(AIM / ratio, 0.4, 0.9)))
    if (to >= this.limit) return
    const hypothesis = `attempts are ${rounded(ratio)} times as slow as alone: more run than the upstream works on`
    this.#take(to, look, { hypothesis, expected: 'as much is finished, and each attempt is faster', ratio })
    this.#rests.shrunk()
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
    const chain = isProtecting ? unsureStep(this.#step, seen) : null
    if (this.#step !== null) conclude(this.#step.entry, 'kept', 'followed by a further step in the same direction')
    this.#step = { from: chain?.from ?? from, to: this.limit, before: chain?.before ?? seen, entry }
    this.#upstream.lookOn()
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
    const told = checkStep(step, look, this.#isStarting)
    if (told === null) return
    if (told.isWorse) this.#undo(step, told.measured, look)
    else {
      conclude(step.entry, 'kept', told.measured)
      if (step.to > step.from) this.#rests.grown(told.isInVain)
    }
    this.#step = null
    this.#upstream.lookAgain()
  }

  #undo(step: Step, measured: string, look: Look): void {
    this.#isStarting = false
    conclude(step.entry, 'undone', measured)
    const wasShrinking = step.to < step.from
    this.#rests.undone(wasShrinking ? 'shrinking' : 'growth')
    if (wasShrinking) {
      this.#isStarting = this.#upstream.routes.every(({ isKnown }) => !isKnown)
      for (const route of this.#upstream.routes) route.isKnown ||= route.aloneMs > 0
      // As slow with fewer at once: the upstream itself has become slower, and that is what alone means from now on.
      const factor = look.ratios.quantile(0.5) / AIM
      if (factor > 1) for (const route of this.#upstream.routes) route.rebase(factor)
    }
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
    if (look.peak > step.from) this.#rests.broke(look.peak)
    this.#goBack(step, look, 'connections are refused since it was made')
  }
}
