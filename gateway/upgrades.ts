/**
 * Upgrades by the same rules as requests: one route table, one set of head rules, the same refusals; only the bytes
 * take another way.
 */
import type { IncomingMessage } from 'node:http'
import type { AccessControl } from '../plugins/access/index.ts'
import { answerHead, type FieldRules, failureAnswer, type PublicFailure, requestHead } from '../plugins/proxy/index.ts'
import type { RateLimiter } from '../plugins/rate-limit/index.ts'
import type { Upstreams } from '../plugins/upstream/index.ts'
import type { LocalAnswer, TunnelSummary, UpgradeFailure, UpgradeResolution } from '../plugins/websocket/index.ts'
import { accessPage, decideEntry, questionsFor, type Refused } from './access.ts'
import { countedAs, tooManyRequests } from './rate-limits.ts'
import { refusalFor } from './refusals.ts'
import {
  answerRulesFor,
  hostFor,
  httpsFor,
  locateAnswer,
  type RequestFacts,
  requestFacts,
  requestRulesFor,
} from './request-facts.ts'
import { newRequestId } from './request-ids.ts'
import type { ServedRoute, Serving } from './serving.ts'

/** Called once for each upgrade that reached a route, however it ended. */
export type TunnelEnded = (request: IncomingMessage, facts: RequestFacts, summary: TunnelSummary) => void

export interface UpgradeSurroundings {
  readonly serving: Serving
  readonly upstreams: Upstreams
  readonly access: AccessControl
  readonly rateLimiter: RateLimiter
  readonly onEnd: TunnelEnded
}

/** Decides about one upgrade: a tunnel to its route's upstream, or the answer that a request would get. */
export async function resolveUpgrade(
  request: IncomingMessage,
  around: UpgradeSurroundings,
): Promise<UpgradeResolution> {
  const facts = requestFacts(around.serving, request, request.url ?? '/')
  const refusal = refusalFor(request.method ?? 'GET', facts)
  if (refusal !== null) return { kind: 'refuse', ...localAnswer(refusal, request.headers.accept) }
  if (facts.match.kind !== 'route') throw new TypeError('an upgrade without refusal has a route')
  const { localPort, localAddress } = request.socket
  const location = httpsFor(around.serving, facts, { localPort, localAddress, target: request.url ?? '/' })
  if (location !== null) return { kind: 'refuse', status: 308, headers: ['location', location], body: '' }
  const counted = countedAs(facts)
  const rate = counted === null ? null : await around.rateLimiter.take(counted.limit, counted.client)
  if (rate?.pass === false) {
    return { kind: 'refuse', ...localAnswer(tooManyRequests(rate, facts.requestId), request.headers.accept) }
  }
  const asked = questionsFor(facts, request)
  const entry = asked === null ? null : await decideEntry(around.access, asked)
  if (entry?.pass === false) return { kind: 'refuse', ...accessAnswer(entry, facts, request) }
  const { route, path } = facts.match
  if (!route.protocol.websocketEnabled) return { kind: 'refuse', ...localAnswer(switchedOff(facts), undefined) }
  return {
    kind: 'tunnel',
    routeName: route.name,
    upstreamName: route.name,
    path: path + facts.query,
    headers: upgradeHead(request, facts, { route, entry }),
    idleMs: route.limits.websocketIdleMs,
    headTimeoutMs: route.limits.responseTimeoutMs,
    connect: signal => connectTo(around.upstreams, route.name, signal),
    rewriteAnswer: (status, headers) => {
      const fields = upgradeAnswer({ status, headers }, facts, route)
      // A handshake may set a cookie, and what is no handshake may lead to a login.
      locateAnswer(around.serving, facts, { status, fields, asked: request.url ?? '/' })
      return fields
    },
    onEnd: summary => around.onEnd(request, facts, summary),
  }
}

/** The rules for answers, but for the fields that frame this one or make it an upgrade: the tunnel has seen to them. */
const framing: ReadonlySet<string> = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade'])

interface UpgradeHead {
  readonly status: number
  readonly headers: readonly string[]
}

function upgradeAnswer({ status, headers }: UpgradeHead, facts: RequestFacts, route: ServedRoute): string[] {
  // A browser shows no page that comes as an upgrade, so there is nothing to fill in.
  const { set, remove } = answerRulesFor(route, facts)
  const { fields } = answerHead(headers, { requestId: facts.requestId, status, rules: { set, remove } })
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (framing.has(name.toLowerCase())) fields.push(name, headers[i + 1] as string)
  }
  return fields
}

async function connectTo(upstreams: Upstreams, name: string, signal: AbortSignal) {
  const { socket, release } = await upstreams.connect(name, signal)
  return socket.once('close', release)
}

interface Admitted {
  readonly route: ServedRoute
  readonly entry: FieldRules | null
}

function accessAnswer(refused: Refused, { requestId }: RequestFacts, { headers: { accept } }: IncomingMessage) {
  const { status, headers, body } = accessPage(refused, requestId, accept)
  const fields = Object.entries(headers).filter(([name]) => name !== 'content-length')
  const lines = fields.flatMap(([name, value]) => [value].flat().flatMap(one => [name, String(one)]))
  return { status, headers: lines, body }
}

/** The request's own rules, then the two fields that make an upgrade (RFC 9110 §7.8). */
function upgradeHead(request: IncomingMessage, facts: RequestFacts, { route, entry }: Admitted): string[] {
  const head = requestHead(request.rawHeaders, {
    client: facts.client,
    host: hostFor(route, facts),
    httpVersion: request.httpVersion,
    requestId: facts.requestId,
    strippedPrefix: route.strippedPrefix,
    rules: requestRulesFor(route, facts, entry),
  })
  head.push('Connection', 'Upgrade', 'Upgrade', request.headers.upgrade ?? 'websocket')
  return head
}

function switchedOff({ requestId }: RequestFacts): PublicFailure {
  const message = 'WebSockets are switched off for this route (protocol.websocket_enabled)'
  return { status: 403, code: 'HG_WEBSOCKET_OFF', message, requestId, proxyStatus: null, retryAfter: null }
}

/** As for requests: an origin that is away may be restarting. */
const RETRY_AFTER_SECONDS = 2
const awayStatuses: ReadonlySet<string> = new Set(['connection_refused', 'dns_error', 'destination_ip_unroutable'])

/** The page for an upgrade that failed before it was answered. */
export function upgradeFailurePage(failure: UpgradeFailure, request: IncomingMessage): LocalAnswer {
  const { statusCode, code, message, proxyStatus } = failure
  const shown = {
    status: statusCode,
    code,
    message,
    requestId: newRequestId(),
    proxyStatus,
    retryAfter: statusCode === 503 || awayStatuses.has(proxyStatus) ? RETRY_AFTER_SECONDS : null,
  }
  return localAnswer(shown, request.headers.accept)
}

function localAnswer(failure: PublicFailure, accept: string | undefined): LocalAnswer {
  const { headers, body } = failureAnswer(failure, accept)
  const { 'content-length': _framed, ...fields } = headers
  return { status: failure.status, headers: Object.entries(fields).flat(), body }
}
