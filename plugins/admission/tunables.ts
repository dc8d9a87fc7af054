/**
 * The knobs of admission, one set for each group of origins.
 */
import { clampToBounds, type Tunable } from '../contract/index.ts'
import type { Lane } from './lane.ts'
import { QUEUE_ORDERS } from './options.ts'
import { AUTO_MIN, AUTO_START } from './rules/auto-limit.ts'

export const TUNABLE_NAMES = [
  'admission.max_concurrency',
  'admission.queue',
  'admission.queue_timeout',
  'admission.queue_order',
] as const

export function tunablesOf(lane: Lane): Tunable[] {
  return [limitTunable(lane), queueTunable(lane), timeoutTunable(lane), orderTunable(lane)]
}

/** A limit that the configuration names is not moved by anybody. */
function limitTunable({ name: scope, limiter, options }: Lane): Tunable {
  const { maxConcurrency, maxLimit } = options
  const isFixed = typeof maxConcurrency === 'number'
  const bounds = isFixed
    ? { min: maxConcurrency, max: maxConcurrency, step: 1 }
    : { min: AUTO_MIN, max: Math.max(AUTO_MIN, maxLimit), step: 1 }
  const configured = isFixed ? maxConcurrency : Math.min(AUTO_START, bounds.max)
  return {
    name: 'admission.max_concurrency',
    scope,
    unit: 'count',
    ...bounds,
    configured,
    get: () => limiter.limit,
    set: value => {
      if (!isFixed) limiter.finder.steer(clampToBounds(bounds, value))
    },
  }
}

function queueTunable(lane: Lane): Tunable {
  const configured = lane.options.queue
  const bounds = { min: 0, max: Math.max(configured, 4096), step: 1 }
  return {
    name: 'admission.queue',
    scope: lane.name,
    unit: 'count',
    ...bounds,
    configured,
    get: () => lane.queue,
    set: value => {
      lane.queue = clampToBounds(bounds, value)
      lane.limiter.shedder.shedBeyond(lane)
    },
  }
}

function timeoutTunable(lane: Lane): Tunable {
  const configured = lane.options.queueTimeoutMs
  const bounds = { min: 1, max: Math.max(configured, 60_000), step: 1 }
  return {
    name: 'admission.queue_timeout',
    scope: lane.name,
    unit: 'milliseconds',
    ...bounds,
    configured,
    get: () => lane.queueTimeoutMs,
    set: value => {
      lane.queueTimeoutMs = clampToBounds(bounds, value)
      lane.limiter.shedder.shedLate(performance.now())
    },
  }
}

/** 0 = the oldest first, 1 = the newest first, 2 = the newest first while overloaded. */
function orderTunable(lane: Lane): Tunable {
  const bounds = { min: 0, max: QUEUE_ORDERS.length - 1, step: 1 }
  return {
    name: 'admission.queue_order',
    scope: lane.name,
    unit: 'count',
    words: QUEUE_ORDERS,
    ...bounds,
    configured: QUEUE_ORDERS.indexOf(lane.options.queueOrder),
    get: () => QUEUE_ORDERS.indexOf(lane.queueOrder),
    set: value => {
      lane.queueOrder = QUEUE_ORDERS[clampToBounds(bounds, value)] as (typeof QUEUE_ORDERS)[number]
    },
  }
}
