/**
 * The waiting room of an upstream: how long a request may wait, in which order, and who goes first. A request that cannot
 * be worth anything any more is given up; under overload the newest goes first, since it still can.
 */
import type { Book, Knob } from '../guard/book.ts'
import { finite, rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

export const QUEUE_MAX = 512
const MOST_QUEUE = 4096
const LEAST_WAIT_MS = 250
/** Of the time after which an answer is worth nothing, before anything is known. */
const FIRST_SHARE = 0.9
/** A wait that differs by less is left as it is. */
const WORTH_CHANGING = 0.25
/** Without overload for this long, the oldest goes first again. */
const CALM_WINDOWS = 900
const LEAST_SAMPLES = 60
/** Most of the slots for a route that others go before. */
const SHARE_OF_OTHERS = 0.75

export function firstWaitMs({ badMs }: { badMs: number }): number {
  return Math.max(LEAST_WAIT_MS, Math.round(FIRST_SHARE * badMs))
}

/** What a route may wait: until its goal is out of reach even if the upstream answers as fast as it can. */
export function decideWait(route: RouteMemory, book: Book): void {
  const baseline = route.baselineMs
  if (baseline === 0 || route.recent.count < LEAST_SAMPLES) return
  const left = route.goal.badMs - baseline
  // What is taken for the time alone may be that of a crowd: half of what it leaves is still worth waiting for.
  const to = Math.round(Math.max(LEAST_WAIT_MS, left - baseline, left / 2) / 10) * 10
  const from = book.number('route', route.id, 'queueTimeoutMs', to)
  if (Math.abs(to - from) < WORTH_CHANGING * from) return
  book.change({
    scope: 'route',
    target: route.id,
    knob: 'queueTimeoutMs',
    to,
    hypothesis: `an answer takes ${rounded(baseline)} ms and is worth nothing after ${route.goal.badMs} ms`,
    evidence: { baselineMs: rounded(baseline), samples: route.recent.count },
    expected: 'nobody is given up who could still be served in time, and no slot goes to somebody who cannot',
  })
}

export class QueueOrderKnob {
  #lastOverload = Number.NEGATIVE_INFINITY
  #order: Readonly<Knob> | undefined
  #most: Readonly<Knob> | undefined

  decide(upstream: UpstreamMemory, book: Book): void {
    const { queueNow, queueMax } = upstream.now
    const target = upstream.id
    const waitMs = queueNow === 0 ? 0 : (queueNow / Math.max(0.5, upstream.rate)) * 1000
    if (queueNow >= 4 && waitMs > tightestGoal(upstream)) this.#lastOverload = book.now
    const isOverload = book.now - this.#lastOverload < CALM_WINDOWS
    const to = isOverload ? 'lifo' : 'fifo'
    this.#order ??= book.slot('upstream', target, 'queueOrder')
    this.#most ??= book.slot('upstream', target, 'queueMax')
    if (this.#order?.value !== to) this.#set(to, upstream, waitMs, book)
    const most = finite(this.#most?.value, QUEUE_MAX)
    if (queueMax < 0.9 * most || most === 0) return
    book.change({
      scope: 'upstream',
      target,
      knob: 'queueMax',
      to: Math.min(MOST_QUEUE, 2 * most),
      hypothesis: 'the queue was full before the deadlines gave anybody up',
      evidence: { queued: queueMax },
      expected: 'the deadline decides who is given up, not the order of arrival',
    })
  }

  #set(to: 'lifo' | 'fifo', upstream: UpstreamMemory, waitMs: number, book: Book): void {
    const isOverload = to === 'lifo'
    book.change({
      scope: 'upstream',
      target: upstream.id,
      knob: 'queueOrder',
      to,
      hypothesis: isOverload
        ? `the wait of ${rounded(waitMs)} ms is beyond the goal: who has waited longest is lost already`
        : 'no overload for a quarter of an hour',
      evidence: { queued: upstream.now.queueNow, finishedPerSecond: rounded(upstream.rate) },
      expected: isOverload ? 'most are answered at once, a few late, instead of all late' : 'the same, and fairer',
    })
  }
}

function tightestGoal({ routes }: UpstreamMemory): number {
  let tightest = Number.POSITIVE_INFINITY
  for (const { goal } of routes) tightest = Math.min(tightest, goal.goodMs)
  return tightest
}

/** Higher goes first: what is worth more, then the tighter goal; the same for all where all are alike. */
export function firstPriority(
  route: RouteMemory,
  beside: readonly RouteMemory[],
): { priority: number; maxShare: number } {
  const isBefore = (a: RouteMemory, b: RouteMemory) =>
    a.goal.goodMs * Math.max(a.weight, 0.01) ** -2 < b.goal.goodMs * Math.max(b.weight, 0.01) ** -2
  const priority = Math.min(9, beside.filter(other => isBefore(route, other)).length)
  const isLast = beside.some(other => isBefore(other, route))
  return { priority, maxShare: isLast ? SHARE_OF_OTHERS : 1 }
}
