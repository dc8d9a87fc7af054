/**
 * The controller: windows in, decisions out. It has no clock, does nothing but compute and draws no random numbers, so
 * the same windows always give the same decisions and the same ledger: replay, dry run and test are the same code.
 */
import { Book, type Scope } from './guard/book.ts'
import { Hold } from './guard/hold.ts'
import { goHomeWhileIdle } from './guard/idle.ts'
import { Rollback } from './guard/rollback.ts'
import { CacheTtlKnob } from './knobs/cache-ttl.ts'
import { CompressionKnob } from './knobs/compression.ts'
import { ConcurrencyKnob } from './knobs/concurrency.ts'
import { HedgeKnob } from './knobs/hedge.ts'
import { LongHolders } from './knobs/long-holders.ts'
import { PoolKnob } from './knobs/pool.ts'
import { decideWait, QueueOrderKnob } from './knobs/queue.ts'
import { AttemptsKnob, RetryBudgetKnob } from './knobs/retries.ts'
import { decideTimeout } from './knobs/timeout.ts'
import { amount, finite, listOf, recordsOf } from './model/numbers.ts'
import { RouteMemory } from './model/route-memory.ts'
import { readSaved, type Saved, saveState } from './model/saved.ts'
import { placeStart } from './model/start.ts'
import { UpstreamMemory } from './model/upstream-memory.ts'
import {
  type AttemptSample,
  type Controller,
  type ControllerMeta,
  type Decisions,
  type Entry,
  type KnobValue,
  MAX_SAMPLES,
  type TunerWindow,
} from './types.ts'

export type * from './types.ts'

const DEFAULT_WINDOW_MS = 1000
/** Routes whose slow-moving knobs are looked at in one window: all of them every few seconds. */
const SLOW_TURN = 5

/** `saved`: what `save()` of an earlier controller gave; anything else is ignored. */
export function createController(meta: ControllerMeta, saved?: unknown): Controller {
  return new TunerController(meta ?? {}, readSaved(saved))
}

interface UpstreamKnobSet {
  readonly memory: UpstreamMemory
  /** Samples of this window: places of the first and the last of a chain; -1 = none. */
  firstSample: number
  lastSample: number
  readonly concurrency: ConcurrencyKnob
  readonly order: QueueOrderKnob
  readonly budget: RetryBudgetKnob
  readonly pool: PoolKnob
  readonly rollback: Rollback
}

interface RouteKnobSet {
  readonly memory: RouteMemory
  readonly upstream: UpstreamKnobSet
  readonly attempts: AttemptsKnob
  readonly hedge: HedgeKnob
  readonly compression: CompressionKnob
  readonly cacheTtl: CacheTtlKnob
  readonly longHolders: LongHolders
}

class TunerController implements Controller {
  readonly #book: Book
  readonly #hold: Hold
  readonly #upstreams = new Map<string, UpstreamKnobSet>()
  readonly #routes = new Map<string, RouteKnobSet>()
  /** The same as lists: all of them are gone through several times a window. */
  readonly #allUpstreams: readonly UpstreamKnobSet[]
  readonly #allRoutes: readonly RouteKnobSet[]
  /** The next sample of the same upstream, and the route of each, by its place in the window. */
  readonly #next = new Int16Array(MAX_SAMPLES)
  readonly #routeOf: RouteKnobSet[] = []
  readonly #initial: Decisions
  readonly #windowMs: number
  readonly #cores: number
  #cpu = 0

  constructor(meta: ControllerMeta, saved: Saved | null) {
    this.#book = new Book(meta.knobs)
    this.#hold = new Hold(this.#book)
    this.#windowMs = amount(meta.windowMs, DEFAULT_WINDOW_MS) || DEFAULT_WINDOW_MS
    this.#cores = amount(meta.gateway?.cores, 1) || 1
    for (const { id } of recordsOf(meta.upstreams)) this.#upstreams.set(id, this.#newUpstream(id))
    for (const route of recordsOf(meta.routes)) {
      const upstream = this.#upstreams.get(route.upstream) ?? this.#newUpstream(route.upstream)
      this.#upstreams.set(route.upstream, upstream)
      const memory = new RouteMemory(route)
      upstream.memory.routes.push(memory)
      this.#routes.set(route.id, {
        memory,
        upstream,
        attempts: new AttemptsKnob(),
        hedge: new HedgeKnob(this.#routes.size),
        compression: new CompressionKnob(),
        cacheTtl: new CacheTtlKnob(),
        longHolders: new LongHolders(),
      })
    }
    this.#allUpstreams = [...this.#upstreams.values()]
    this.#allRoutes = [...this.#routes.values()]
    placeStart(
      this.#book,
      this.#allUpstreams.map(({ memory }) => memory),
      saved,
    )
    this.#initial = this.#book.takeDecisions() ?? {}
  }

  #newUpstream(id: string): UpstreamKnobSet {
    const memory = new UpstreamMemory(id)
    return {
      memory,
      firstSample: -1,
      lastSample: -1,
      concurrency: new ConcurrencyKnob(memory, this.#book),
      order: new QueueOrderKnob(),
      budget: new RetryBudgetKnob(),
      pool: new PoolKnob(),
      rollback: new Rollback(memory, this.#book, this.#upstreams.size),
    }
  }

  get log(): readonly Entry[] {
    return this.#book.log
  }

  initial(): Decisions {
    return structuredClone(this.#initial)
  }

  save(): unknown {
    return saveState(
      this.#book,
      this.#allRoutes.map(({ memory }) => memory),
    )
  }

  value(scope: Scope, target: string, knob: string): KnobValue | undefined {
    return this.#book.value(scope, target, knob)
  }

  rollback(upstream?: string): Decisions | null {
    for (const [id, { rollback }] of this.#upstreams) if (upstream === undefined || id === upstream) rollback.force()
    return this.#book.takeDecisions()
  }

  observe(window: TunerWindow): Decisions | null {
    if (typeof window !== 'object' || window === null) return null
    this.#book.now++
    this.#book.t = finite(window.t, this.#book.now * this.#windowMs)
    this.#cpu += (Math.min(1, amount(window.gateway?.cpuUtil)) - this.#cpu) / 20
    const samples = listOf(window.attempts)
    this.#chainSamples(samples)
    for (const knobs of this.#allUpstreams) this.#readUpstream(knobs, samples, window)
    for (const knobs of this.#allUpstreams) this.#decideUpstream(knobs)
    let turn = 0
    for (const knobs of this.#allRoutes) this.#decideRoute(knobs, turn++ % SLOW_TURN === this.#book.now % SLOW_TURN)
    // Last, so that a limit that admission has found is taken on and not called somebody's hand.
    this.#hold.observe(window.knobs)
    return this.#book.takeDecisions()
  }

  /**
   * All samples of an upstream are read together: what is known of it is then fetched once from where it lies in memory, and
   * not once for each sample, which with a hundred of them takes twice as long.
   */
  #chainSamples(samples: readonly AttemptSample[]): void {
    for (const knobs of this.#allUpstreams) knobs.firstSample = -1
    const count = Math.min(MAX_SAMPLES, samples.length)
    for (let i = 0; i < count; i++) {
      const sample = samples[i]
      const route = typeof sample === 'object' && sample !== null ? this.#routes.get(sample.route) : undefined
      if (route === undefined) continue
      const { upstream } = route
      if (upstream.firstSample < 0) upstream.firstSample = i
      else this.#next[upstream.lastSample] = i
      upstream.lastSample = i
      this.#next[i] = -1
      this.#routeOf[i] = route
    }
  }

  #readUpstream(
    { memory, firstSample, rollback, concurrency }: UpstreamKnobSet,
    samples: readonly AttemptSample[],
    window: TunerWindow,
  ): void {
    const { limit } = concurrency
    for (let i = firstSample; i >= 0; i = this.#next[i] as number) {
      const sample = samples[i] as AttemptSample
      const route = this.#routeOf[i] as RouteKnobSet
      if (!route.longHolders.isExempt) memory.readAttempt(sample, route.memory, limit)
      route.memory.readAttempt(sample)
    }
    memory.readWindow(window.upstreams?.[memory.id])
    rollback.observe(window, concurrency.isDraining)
    if (goHomeWhileIdle(memory, this.#book)) concurrency.startAgain()
    for (const route of memory.routes) route.readWindow(window.routes?.[route.id])
  }

  #decideUpstream({ memory, concurrency, order, budget, pool, rollback }: UpstreamKnobSet): void {
    if (memory.now.connectErr > 0) concurrency.breakdown()
    order.decide(memory, this.#book)
    if (memory.now.connectErr === 0) concurrency.decide(!rollback.isHolding)
    if (rollback.isHolding || concurrency.isChecking) return
    budget.decide(memory, this.#book)
    pool.decide(memory, this.#book)
  }

  #decideRoute(knobs: RouteKnobSet, isTurn: boolean): void {
    const { memory, upstream } = knobs
    const book = this.#book
    if (upstream.rollback.isHolding) return
    knobs.attempts.decide(memory, upstream.memory, book)
    if (!isTurn) return
    knobs.longHolders.decide(memory, upstream.memory, book)
    if (upstream.concurrency.isChecking) return
    // What holds no slot waits for none.
    if (!knobs.longHolders.isExempt) decideWait(memory, book)
    knobs.hedge.decide(memory, upstream.memory, book)
    knobs.compression.decide(memory, { cores: this.#cores, cpu: this.#cpu }, book)
    decideTimeout(memory, book)
    knobs.cacheTtl.decide(memory, book)
  }
}
