/**
 * Where a request goes and as what, for the proxy and everything between it and the origin.
 */
import type { FastifyRequest } from 'fastify'
import type { AnswerRules, ClientFacts, FieldRules, ProxyCall } from '../plugins/proxy/index.ts'
import { balanceKeyFor } from './balance-key.ts'
import { answerRulesFor, hostFor, requestRulesFor } from './request-facts.ts'
import type { ServedRoute } from './serving.ts'

/** Null for a request that was refused. */
export function proxyCallFor(request: FastifyRequest, bodyIdleMs: number): ProxyCall | null {
  const { match } = request.facts
  return match.kind === 'route' ? new RouteCall(request, match.route, match.path, bodyIdleMs) : null
}

class RouteCall implements ProxyCall {
  readonly upstream: string
  readonly route: string
  readonly target: string
  readonly host: string
  readonly client: ClientFacts
  readonly requestId: string
  readonly strippedPrefix: string | null
  readonly mountBase: string
  readonly answerRules: AnswerRules
  readonly maxBodyBytes: number | null
  readonly bodyIdleMs: number
  readonly balanceKey: string | undefined
  readonly #request: FastifyRequest
  readonly #route: ServedRoute

  constructor(request: FastifyRequest, route: ServedRoute, path: string, bodyIdleMs: number) {
    const { facts } = request
    this.#request = request
    this.#route = route
    this.upstream = route.name
    this.route = route.name
    this.target = path + facts.query
    this.host = hostFor(route, facts)
    this.client = facts.client
    this.requestId = facts.requestId
    this.strippedPrefix = route.strippedPrefix
    this.mountBase = route.mountBase
    this.answerRules = answerRulesFor(route, facts)
    this.maxBodyBytes = route.limits.bodySize
    this.bodyIdleMs = bodyIdleMs
    this.balanceKey = balanceKeyFor(request.raw, route, facts)
  }

  /** Made when an origin is asked: what comes out of the cache needs none. */
  get requestRules(): FieldRules {
    return requestRulesFor(this.#route, this.#request.facts, this.#request.access)
  }
}
