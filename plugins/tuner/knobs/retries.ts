/**
 * How often a request is tried, and how many retries an upstream has to bear. Retrying pays where another attempt is
 * likely to succeed; where it is not, or where the upstream is overloaded, it only adds load.
 */
import type { Book, Knob } from '../guard/book.ts'
import { clamp, finite, rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

export const FIRST_ATTEMPTS = 3
export const FIRST_BUDGET = 0.2
export const BUDGET_FLOOR = 1
export const BACKOFF_BASE_MS = 25
export const BACKOFF_MAX_MS = 1000
const MOST_ATTEMPTS = 5
/** Share of requests that may still fail. */
const RESIDUE = 0.001
/** Below this, a retry is not worth its load. */
const HOPELESS = 0.15
const TIMED_OUT = 0.02
const LEAST_FIRST = 20
/** Share of failures below which nothing is worth changing. */
const RARE = 0.002
const PROBE_WINDOWS = 6
const PROBE_AFTER = 60
const PROBE_AFTER_MOST = 1800
/** Windows after a change before the next of the same knob. */
const REST = 15
const BUDGETS = [0.05, 0.1, 0.2, 0.5, 1, 2]

export class AttemptsKnob {
  #slot: Readonly<Knob> | undefined
  #probeAt = 0
  #probeUntil = 0
  #wait = PROBE_AFTER
  #restUntil = 0

  decide(route: RouteMemory, upstream: UpstreamMemory, book: Book): void {
    const { first, firstTimedOut, again } = route.counts
    this.#slot ??= book.slot('route', route.id, 'attempts')
    const now = finite(this.#slot?.value, FIRST_ATTEMPTS)
    if (now === 1) return this.#probe(route, book)
    const success = successOf(route)
    const isHopeless = again > 8 && success < HOPELESS
    const isTimingOut = first >= LEAST_FIRST && firstTimedOut / first > TIMED_OUT && upstream.ratio > 1.5
    if (isHopeless || isTimingOut) {
      const why = isHopeless
        ? `only ${rounded(100 * success)} % of the retries succeed`
        : 'attempts run out of time: the upstream is overloaded'
      if (book.now >= this.#probeUntil || isHopeless) {
        this.#wait = Math.min(PROBE_AFTER_MOST, this.#wait * 2)
        this.#probeAt = book.now + this.#wait
        this.#set(1, { route, book, hypothesis: why, expected: 'the upstream is spared work that brings nothing' })
      }
      return
    }
    if (book.now > this.#probeUntil + PROBE_AFTER) this.#wait = PROBE_AFTER
    if (book.now < this.#restUntil || first < LEAST_FIRST) return
    const { failing } = route
    if (failing < RARE) return
    const to = clamp(
      1 + Math.ceil(Math.log(RESIDUE / failing) / Math.log(1 - Math.min(0.995, success))),
      2,
      MOST_ATTEMPTS,
    )
    // A retry that is not needed costs nothing, so there is no way down but the one above.
    if (to <= now) return
    const hypothesis = `${rounded(100 * failing)} % fail at first and ${rounded(100 * success)} % of the retries succeed`
    this.#set(to, { route, book, hypothesis, expected: 'no more than one request in a thousand fails' })
  }

  #probe(route: RouteMemory, book: Book): void {
    if (book.now < this.#probeAt) return
    this.#probeUntil = book.now + PROBE_WINDOWS
    this.#probeAt = book.now + this.#wait
    const hypothesis =
      route.failing > RARE ? 'a while has passed: perhaps retries help by now' : 'it has stopped failing'
    this.#set(2, { route, book, hypothesis, expected: 'retries succeed again' })
  }

  #set(to: number, { route, book, hypothesis, expected }: Attempted): void {
    const { first, again } = route.counts
    const evidence = {
      failing: rounded(route.failing),
      retriesThatHelped: rounded(successOf(route)),
      first: rounded(first),
      retries: rounded(again),
    }
    const protects = to < book.number('route', route.id, 'attempts', FIRST_ATTEMPTS)
    const change = { scope: 'route' as const, target: route.id, knob: 'attempts', to, hypothesis, evidence, expected }
    if (book.change({ ...change, protects }) !== null) this.#restUntil = book.now + REST
  }
}

interface Attempted {
  readonly route: RouteMemory
  readonly book: Book
  readonly hypothesis: string
  readonly expected: string
}

/** Chance that a retry helps, one in two before any was made. */
function successOf({ counts: { again, againOk } }: RouteMemory): number {
  return (againOk + 1) / (again + 2)
}

export class RetryBudgetKnob {
  #restUntil = 0
  /** Attempts of each route, in their order; null = not looked for yet. */
  #attempts: readonly (Readonly<Knob> | undefined)[] | null = null

  decide(upstream: UpstreamMemory, book: Book): void {
    if (book.now < this.#restUntil) return
    let first = 0
    let failed = 0
    let again = 0
    let ok = 0
    const { routes } = upstream
    this.#attempts ??= routes.map(({ id }) => book.slot('route', id, 'attempts'))
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i] as RouteMemory
      // What is not retried needs no budget.
      if (finite(this.#attempts[i]?.value, FIRST_ATTEMPTS) < 2) continue
      const { counts } = route
      first += counts.first
      failed += route.failing * counts.first
      again += counts.again
      ok += counts.againOk
    }
    if (first < LEAST_FIRST) return
    const failing = failed / first
    const isCrowded = upstream.isSaturated || upstream.ratio > 2
    const helps = (ok + 1) / (again + 2) >= HOPELESS
    const wished = isCrowded || !helps ? FIRST_BUDGET : Math.max(FIRST_BUDGET, nearest(2.5 * failing))
    const now = book.number('upstream', upstream.id, 'retryBudgetRatio', FIRST_BUDGET)
    if (wished === now) return
    // Down only when far off: a budget that nobody needs costs nothing.
    if (wished < now && !isCrowded && wished > now / 4 && failing > 0.01) return
    const entry = book.change({
      scope: 'upstream',
      target: upstream.id,
      knob: 'retryBudgetRatio',
      to: wished,
      protects: wished < now,
      hypothesis:
        wished > now
          ? `${rounded(100 * failing)} % fail and the upstream is not crowded: retries may cost more`
          : 'fewer retries are needed, or the upstream is crowded',
      evidence: { failing: rounded(failing), ratio: rounded(upstream.ratio), first: rounded(first) },
      expected: wished > now ? 'every failed request gets its retry' : 'retries cannot multiply an overload',
    })
    if (entry !== null) this.#restUntil = book.now + REST
  }
}

function nearest(ratio: number): number {
  return BUDGETS.reduce((best, budget) => (Math.abs(budget - ratio) < Math.abs(best - ratio) ? budget : best))
}
