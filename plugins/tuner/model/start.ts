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
    place(book, 'upstream', upstream.id, upstreamStart(upstream))
    const limit = saved?.limits.get(upstream.id)
    if (limit !== undefined) placeLimit(book, upstream.id, limit)
    for (const route of upstream.routes) place(book, 'route', route.id, routeStart(route, upstream.routes))
  }
}

function place(
  book: Book,
  scope: 'upstream' | 'route',
  target: string,
  knobs: Readonly<Record<string, KnobValue>>,
): void {
  for (const [knob, value] of Object.entries(knobs)) {
    // What somebody has written down is where tuning starts.
    const start = typeof value === 'number' ? (book.configured(target, knob) ?? value) : value
    begin(book, scope, target, knob, start)
  }
  for (const knob of configuredOnly[scope]) {
    const configured = book.configured(target, knob)
    if (configured !== undefined) book.place(scope, target, knob, configured)
  }
}

/** A pinned knob stands where it was pinned: of that nothing is said. */
function begin(book: Book, scope: 'upstream' | 'route', target: string, knob: string, start: KnobValue): void {
  const value = book.place(scope, target, knob, start)
  if (!book.isPinned(target, knob)) book.emit(scope, target, knob, value)
}

/** Half way between what was found before and where a stranger would begin. */
function placeLimit(book: Book, id: string, limit: number): void {
  if (book.isPinned(id, 'maxConcurrency')) return
  const half = Math.round(Math.sqrt(limit * book.number('upstream', id, 'maxConcurrency', START_LIMIT)))
  begin(book, 'upstream', id, 'maxConcurrency', half)
}

function upstreamStart({ routes }: UpstreamMemory): Record<string, KnobValue> {
  return {
    maxConcurrency: START_LIMIT,
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
    hedgeBudgetRatio: 0.1,
    compression: firstCompression(route.contentType),
    ...firstPriority(route, beside),
    exempt: false,
  }
}
