/**
 * What a route's settings mean for one request: connections, time budgets, what is sent again, the cache, and the
 * blocks that have no effect yet. Values come from what the gateway runs with, not from the file.
 */
import type { RetryPolicy } from '../../plugins/retry/index.ts'
import type { UpstreamGroupOptions } from '../../plugins/upstream/index.ts'
import type { GlobalLimits } from '../config/types.ts'
import { formatDuration } from '../config/units.ts'
import type { ServedRoute, Serving } from '../serving.ts'
import { explainAdmission } from './admission.ts'
import { explainBatch } from './batch.ts'
import { type CacheQuestion, explainCache } from './cache.ts'
import { explainCompression } from './compression.ts'
import { explainTuner } from './tuner.ts'
import type { Decisions, Limit, PoolDecision, RetryDecision, TunerKnowledge } from './types.ts'

/** What `decideResend` of the upstream plugin allows, for people. */
const RESENT = [
  'any method, while it is proven that nothing of it was sent: on a new connection, or to the next origin',
  'GET, HEAD and OPTIONS without a body, when the origin closed a kept connection before it answered: on a new connection',
]

export function decisionsFor(
  serving: Serving,
  route: ServedRoute,
  question: CacheQuestion,
  { client, tuner }: { readonly client: string; readonly tuner: TunerKnowledge | null },
): Decisions | null {
  const group = serving.upstreams[route.name]
  if (group === undefined) return null
  const retry = retryDecision(route, serving.retries[route.name])
  return {
    pool: poolDecision(group),
    limits: [
      ...originLimits(group),
      ...routeLimits(route),
      ...speedLimits(route, serving.config.uplink),
      ...clientLimits(serving.config.limits),
    ],
    retry,
    cache: explainCache(route, question),
    compression: explainCompression(route.encoding, question.request, client),
    admission: explainAdmission(serving, route, question.request.headers),
    batch: explainBatch(route),
    tuner: explainTuner(serving, route.name, tuner),
    websocket: websocketDecision(route, question.asksForWebSocket),
  }
}

function poolDecision(group: UpstreamGroupOptions): PoolDecision {
  const { maxSize, minSize, maxIdleMs, ttlMs, balance, client, http2, keepAlive } = group
  return { maxSize, minSize, maxIdleMs, ttlMs, balance, client, http2, keepAlive }
}

/** From the policy that the plugin runs with; attempts that need no policy are named in any case. */
function retryDecision(route: ServedRoute, policy: RetryPolicy | undefined): RetryDecision {
  const waits = policy === undefined || policy.holdMs === 0 ? [] : [held(policy)]
  if (policy === undefined || route.retry === false)
    return { state: 'off', configured: false, resent: [...RESENT, ...waits] }
  const { attempts, methods, statuses, budgetRatio, hedge } = policy
  const again =
    attempts === 1
      ? []
      : [`${methods.join(', ')}, after a reset, a cut or ${statuses.join(', ')}: ${attempts} attempts in all`]
  const configured = { attempts, statuses, methods, budget: budgetRatio, hedge }
  return { state: attempts === 1 ? 'off' : 'on', configured, resent: [...RESENT, ...waits, ...again] }
}

function held({ holdMs }: RetryPolicy): string {
  return `any method, while every origin refuses connections: waits until ${holdMs} ms after the outage began`
}

function originLimits(group: UpstreamGroupOptions): Limit[] {
  return [
    inTime('queue_timeout', group.queueTimeoutMs, 'waiting for a free connection to an origin; 503 after it'),
    { name: 'queue_size', value: group.queueSize, unit: 'requests', meaning: 'that may wait so; 503 above' },
    inTime('connect_timeout', group.connectTimeoutMs, 'connecting to the origin, TLS included'),
    inTime('response_timeout', group.headTimeoutMs, 'to the head of the answer, from the end of the request body; 504'),
    inTime('idle_timeout', group.idleTimeoutMs, 'without a byte in the body of the answer; no limit on the whole'),
    inTime('eject_time', group.ejectTimeMs, 'an origin that refused a connection is left out; never the last one'),
  ]
}

function routeLimits({ limits, rateLimit }: ServedRoute): Limit[] {
  return [
    ...rateLimits(rateLimit),
    { name: 'body_size', value: limits.bodySize, unit: 'bytes', meaning: 'in the body of the request; 413 above' },
    inTime('websocket_idle', limits.websocketIdleMs, 'without a byte in either direction of a WebSocket'),
  ]
}

function rateLimits(limit: ServedRoute['rateLimit']): Limit[] {
  if (limit === null) return []
  const { requests, windowMs, by } = limit
  const who = by === 'client' ? 'of one client' : 'of all clients together'
  const meaning = `${who} in ${formatDuration(windowMs)}; 429 above`
  return [{ name: 'rate_limit', value: requests, unit: 'requests', meaning }]
}

/** Answers alone are paced. A limit that is not set stands there as none, so that nobody looks for a hidden one. */
function speedLimits({ bandwidth, admission }: ServedRoute, uplink: number | null): Limit[] {
  const priority = admission === false ? 'interactive' : admission.priority
  const speed = (name: string, value: number | null, meaning: string): Limit => ({
    name,
    value,
    unit: 'bytes/s',
    meaning,
  })
  return [
    speed('bandwidth.per_client', bandwidth.perClient, 'of answers to one client, over all of its connections'),
    speed('bandwidth.per_route', bandwidth.perRoute, 'of answers of the route, to all clients together'),
    speed('uplink', uplink, `of answers to public addresses, shared by class; this route is ${priority}`),
  ]
}

function clientLimits(limits: GlobalLimits): Limit[] {
  return [
    inTime('header_timeout', limits.headerTimeoutMs, 'for the client to send its head; 408'),
    inTime('body_idle', limits.bodyIdleMs, 'without a byte of the request body; 408'),
    inTime('write_idle', limits.writeIdleMs, 'in which the client reads nothing of its answer'),
  ]
}

function inTime(name: string, value: number | null, meaning: string): Limit {
  return { name, value, unit: 'ms', meaning }
}

function websocketDecision({ protocol }: ServedRoute, asked: boolean): Decisions['websocket'] {
  const allowed = protocol.websocketEnabled
  const state = allowed ? 'allowed' : 'switched off (protocol.websocket_enabled)'
  return { allowed, asked, reason: asked ? `asked for and ${state}` : `${state}; this request does not ask for one` }
}
