/**
 * The half of the plugin that faces the origins: looks at each request that has a body, in front of everything else that
 * stands before the pools, so that retries and stored answers know only one form of it.
 */
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { addNote } from '../../contract/index.ts'
import type { Dispatch, ExchangeHandler, ExchangeRequest, FollowedExchange, Interceptor } from '../../upstream/index.ts'
import { pickLevel } from '../answer/pick-level.ts'
import type { Ticker } from '../codec/ticker.ts'
import { LAN_BYTES_PER_MS } from '../measure/bandwidth.ts'
import type { Costs } from '../measure/costs.ts'
import type { LoadWatch } from '../measure/load.ts'
import type { RouteRules } from '../route-rules.ts'
import { allCodings, nameOfCodings } from '../rules/types.ts'
import type { CompressionCounters } from '../signals.ts'
import { BodyExchange, type BodyPlan } from './body-exchange.ts'
import { decideRequest, type RequestDecision } from './decide-request.ts'
import { unsupportedCoding } from './errors.ts'
import type { LearnedCodings, Resource } from './learned.ts'
import { decodePlan, encodePlan, type PlanParts } from './plans.ts'
import type { RecodersInUse } from './recoders.ts'
import { readRequestBodyFields } from './request-fields.ts'

export interface RequestSetup {
  readonly costs: Costs
  readonly load: LoadWatch
  readonly count: CompressionCounters
  readonly ticker: Ticker
  readonly learned: LearnedCodings
  readonly inUse: RecodersInUse
  rulesFor(request: FastifyRequest): RouteRules | null
}

export function requestBodies(setup: RequestSetup): Interceptor {
  return next => (upstream, request, handler) => {
    const { body, incoming } = request
    if (!(body instanceof Readable) || incoming === undefined) return next(upstream, request, handler)
    const rules = setup.rulesFor(incoming as FastifyRequest)
    if (rules === null) return next(upstream, request, handler)
    const asked: Asked = { setup, next, upstream, rules, client: incoming as FastifyRequest }
    return takeBody(asked, request, handler)
  }
}

/** The resource that a request is for, as its origin knows it; null where nothing proxies it. */
export function resourceOf({ proxyCall }: FastifyRequest): Resource | null {
  return proxyCall ?? null
}

interface Asked {
  readonly setup: RequestSetup
  readonly next: Dispatch
  readonly upstream: string
  readonly rules: RouteRules
  readonly client: FastifyRequest
}

function takeBody(asked: Asked, request: ExchangeRequest, handler: ExchangeHandler): FollowedExchange {
  const { setup, rules, client, upstream, next } = asked
  const resource = resourceOf(client) ?? { upstream, host: '', target: request.path }
  const decision = decideRequest(
    {
      fields: readRequestBodyFields(request.headers),
      length: request.bodyLength,
      advertised: setup.learned.accepts(resource, performance.now()),
    },
    rules,
  )
  const note = (reason: string, encoding: string | null = null) =>
    addNote(client, { topic: 'compression', reason: `request-${reason}`, numbers: { encoding } })
  if (decision.act === 'leave') {
    setup.count.requestLeft(rules.settings.route, decision.reason)
    return next(upstream, request, handler)
  }
  note(decision.reason, encodingOf(decision))
  if (decision.act === 'refuse') return refuse(asked, handler)
  const parts = { ...setup, route: rules.settings.route, resource, note }
  const plan = planFor(asked, decision, request, parts)
  const exchange = new BodyExchange(
    { dispatch: (...sent) => next(upstream, ...sent), ticker: setup.ticker },
    plan,
    handler,
  )
  exchange.start()
  return exchange
}

type Recoding = Extract<RequestDecision, { act: 'decode' | 'encode' }>

function planFor(
  { setup, rules, client }: Asked,
  decision: Recoding,
  request: ExchangeRequest,
  parts: PlanParts,
): BodyPlan {
  const expects = client.raw.headers.expect !== undefined
  if (decision.act === 'decode') {
    return decodePlan({ request, codings: decision.codings, expects }, boundsFor(rules, client), parts)
  }
  const { coding } = decision
  // Origins are near: what counts is the time of the encoder.
  const wanted = { rules, coding, contentClass: decision.contentClass }
  const { level } = pickLevel(setup, wanted, { length: request.bodyLength, bytesPerMs: LAN_BYTES_PER_MS })
  return encodePlan({ request, coding, expects }, level, parts)
}

function encodingOf(decision: Exclude<RequestDecision, { act: 'leave' }>): string | null {
  if (decision.act === 'decode') return nameOfCodings(decision.codings)
  return decision.act === 'encode' ? decision.coding : null
}

/** What the route allows of any body holds for a decoded one too. */
function boundsFor({ requests }: RouteRules, { proxyCall }: FastifyRequest) {
  const { maxBytes, maxRatio } = requests
  const limits = [maxBytes, proxyCall?.maxBodyBytes ?? null].filter(limit => limit !== null)
  return { maxBytes: limits.length === 0 ? null : Math.min(...limits), maxRatio }
}

const nowhere: FollowedExchange = { attempts: 0, pool: null }

/** RFC 9110 §15.5.16; nothing is sent. */
function refuse({ setup, rules }: Asked, handler: ExchangeHandler): FollowedExchange {
  setup.count.requestLeft(rules.settings.route, 'unsupported-coding')
  const failure = unsupportedCoding(allCodings)
  handler.onResponseError?.(null as never, failure)
  return nowhere
}
