/**
 * Where every knob starts: cautious values that suit most upstreams, or half way to what was saved.
 */
import type { Book } from '../guard/book.ts'
import { firstCompression } from '../knobs/compression.ts'
import { START_LIMIT } from '../knobs/concurrency.ts'
import { firstParkMs } from '../knobs/parking.ts'
import { firstPriority, firstWaitMs, QUEUE_MAX } from '../knobs/queue.ts'
import { BACKOFF_BASE_MS, BACKOFF_MAX_MS, BUDGET_FLOOR, FIRST_ATTEMPTS, FIRST_BUDGET } from '../knobs/retries.ts'
import type { KnobValue } from '../types.ts'
import type { RouteMemory } from './route-memory.ts'
import type { Saved } from './saved.ts'
import type { UpstreamMemory } from './upstream-memory.ts'

/** Knobs that only exist where somebody says what they are configured to. */
const configuredOnly = { upstream: ['poolMax', 'poolMin'], route: ['timeoutMs', 'cacheTtlMs'] } as const

export function placeStart(book: Book, upstreams: readonly UpstreamMemory[], saved: Saved | null): void {
  for (const upstream of upstreams) {
    place(book, 'upstream', upstream.id, upstreamStart(upstream, saved))
    for (const route of upstream.routes) place(book, 'route', route.id, routeStart(route, upstream.routes))
  }
}

function place(
  book: Book,
  scope: 'upstream' | 'route',
  target: string,
  knobs: Readonly<Record<string, KnobValue>>,
): void {
  for (const [knob, value] of Object.entries(knobs))
    book.emit(scope, target, knob, book.place(scope, target, knob, value))
  for (const knob of configuredOnly[scope]) {
    const configured = book.configured(target, knob)
    if (configured !== undefined) book.place(scope, target, knob, configured)
  }
}

function upstreamStart({ id, routes }: UpstreamMemory, saved: Saved | null): Record<string, KnobValue> {
  const limit = saved?.limits.get(id)
  return {
    maxConcurrency: limit === undefined ? START_LIMIT : Math.round(Math.sqrt(limit * START_LIMIT)),
    queueMax: QUEUE_MAX,
    queueTimeoutMs: Math.max(...routes.map(({ goal }) => firstWaitMs(goal)), 250),
    queueOrder: 'fifo',
    retryBudgetRatio: FIRST_BUDGET,
    retryMinPerSec: BUDGET_FLOOR,
    parkMs: firstParkMs(routes),
  }
}

function routeStart(route: RouteMemory, beside: readonly RouteMemory[]): Record<string, KnobValue> {
  return {
    attempts: FIRST_ATTEMPTS,
    backoffBaseMs: BACKOFF_BASE_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    jitter: true,
    retryOn5xx: true,
    queueTimeoutMs: firstWaitMs(route.goal),
    hedgeDelayMs: null,
    hedgeBudgetRatio: 0.15,
    compression: firstCompression(route.contentType),
    ...firstPriority(route, beside),
    exempt: false,
  }
}
