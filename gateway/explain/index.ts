/**
 * `explain`: what the gateway would do with a request and why, without sending it. It asks the same functions that
 * requests go through (route table, refusals, head rules), so it cannot tell another story than they do.
 */
import { refuseAddress } from '../../plugins/access/index.ts'
import type { Redaction } from '../../plugins/access-log/index.ts'
import { type ClientFacts, clientFacts, plainAddress, type RequestHeadFacts } from '../../plugins/proxy/index.ts'
import { isWebSocketUpgrade } from '../../plugins/websocket/index.ts'
import { refusalFor } from '../refusals.ts'
import {
  answerRulesFor,
  davFor,
  hostFor,
  httpsFor,
  NO_DAV,
  type RequestFacts,
  redirectFor,
  requestRulesFor,
  traceOf,
} from '../request-facts.ts'
import { type HostPattern, parseTarget, type TargetDecision } from '../routing/index.ts'
import { pathInApp } from '../rules/app-path.ts'
import type { ServedRoute, Serving } from '../serving.ts'
import { readAddress, type WrittenAddress } from './address.ts'
import { type CacheQuestion, targetToSend } from './cache.ts'
import { decisionsFor } from './decisions.ts'
import { explainHead, NEW_PART } from './head-changes.ts'
import { redactAddress, redactFields } from './secrets.ts'
import type { ConsideredRoute, ExplainRequest, Explanation, Field, Refusal, Sent, TunerKnowledge } from './types.ts'
import { explainMalformed, explainVerdict } from './words.ts'
import { refusalAtEdge, type WrittenHead, writeHead } from './written-head.ts'

export { ExplainError } from './errors.ts'
export type * from './types.ts'

/** Stands for the id that each request gets. */
const NEW_ID = '(a new one for each request)'

/** The request in question as the gateway would find it. */
interface Scene {
  readonly serving: Serving
  readonly method: string
  readonly address: WrittenAddress
  readonly head: WrittenHead
  readonly reading: TargetDecision
  readonly facts: RequestFacts
  readonly asksForWebSocket: boolean
}

/**
 * `tuner`: what is known of it beside the configuration.
 * @throws ExplainError where there is no request to explain: the URL or a header cannot be sent by any client.
 */
export function explainRequest(
  serving: Serving,
  request: ExplainRequest,
  tuner: TunerKnowledge | null = null,
): Explanation {
  const scene = setScene(serving, request)
  const { facts, method } = scene
  const atEdge = refusalAtEdge(method, scene.head, {
    target: scene.address.target,
    reading: scene.reading,
    bounds: serving.config.limits,
  })
  const refusal = atEdge ?? refusalBehind(scene)
  const { isTls, target } = scene.address
  const route = refusal === null && facts.match.kind === 'route' ? facts.match.route : null
  return {
    method,
    url: redactAddress(`${isTls ? 'https' : 'http'}://${scene.head.host}${target}`, redactionOf(facts)),
    client: facts.client,
    ...placeOf(scene),
    ...(atEdge === null ? routing(scene) : { readings: [], route: null, considered: [] }),
    refusal,
    sent: route === null ? null : sentFor(scene, route),
    decisions:
      route === null
        ? null
        : decisionsFor(serving, route, cacheQuestion(scene, route), { client: facts.client.address, tuner }),
  }
}

function setScene(serving: Serving, { method, url, headers, peer }: ExplainRequest): Scene {
  const address = readAddress(url)
  const head = writeHead(headers, address.authority)
  const reading = parseTarget(address.target, head.host, method)
  const client = clientOf(serving, { address, head, peer: plainAddress(peer ?? '127.0.0.1') })
  const asksForWebSocket = isWebSocketUpgrade({ method, httpVersion: '1.1', headers: head.fields })
  const facts = factsOf(serving, head, { method, reading, client })
  return { serving, method, address, head, reading, facts, asksForWebSocket }
}

function clientOf(
  serving: Serving,
  { address, head, peer }: { readonly address: WrittenAddress; readonly head: WrittenHead; readonly peer: string },
): ClientFacts {
  const { isTls, authority } = address
  const written = parseTarget('/', authority === '' ? head.host : authority)
  const localPort = (written.ok ? written.port : null) ?? (isTls ? 443 : 80)
  return clientFacts({ peer, isTls, localPort }, head.host, name => head.fields[name], serving.isTrusted)
}

function factsOf(
  serving: Serving,
  head: WrittenHead,
  {
    method,
    reading,
    client,
  }: { readonly method: string; readonly reading: TargetDecision; readonly client: ClientFacts },
): RequestFacts {
  const requestId = client.isPeerTrusted ? (head.fields['x-request-id'] ?? NEW_ID) : NEW_ID
  const trace = traceOf(serving, head.fields['traceparent'], () => ({ traceId: NEW_PART, parentId: NEW_PART }))
  if (!reading.ok) {
    const match = { kind: 'malformed', status: 400, reason: reading.reason } as const
    return { requestId, client, host: '', hostHeader: head.host, query: '', match, dav: NO_DAV, trace, traceId: null }
  }
  const { host, hostHeader, query, path } = reading
  const match = serving.table.match(host, path)
  const facts = { requestId, client, host, hostHeader, query, match, dav: NO_DAV, trace, traceId: null }
  const { destination, if: condition } = head.fields
  return { ...facts, dav: davFor(serving, facts, { method, path, destination, condition }) }
}

function refusalBehind({ serving, method, address, facts, asksForWebSocket }: Scene): Refusal | null {
  const refused = refusalFor(method, facts)
  const { match } = facts
  if (refused !== null) {
    const { status, code, message } = refused
    return { status, code, message, detail: detailOf(facts) }
  }
  const secure = httpsFor(serving, facts, { localPort: facts.client.port, target: address.target })
  if (secure !== null) return { status: 308, code: null, message: `to ${secure}`, detail: 'redirect of the listener' }
  const keptOut = refusedByAddress(facts)
  if (keptOut !== null) return keptOut
  const location = asksForWebSocket ? null : redirectFor(facts)
  if (location !== null) return { status: 301, code: null, message: `to ${location}`, detail: 'redirects of the route' }
  if (!asksForWebSocket || match.kind !== 'route' || match.route.protocol.websocketEnabled) return null
  const message = 'WebSockets are switched off for this route (protocol.websocket_enabled)'
  return { status: 403, code: 'HG_WEBSOCKET_OFF', message, detail: null }
}

/** Passwords and other servers are not asked here: a request that is let in is what is explained. */
function refusedByAddress({ match, client, query }: RequestFacts): Refusal | null {
  if (match.kind !== 'route' || match.route.guard === null) return null
  const path = pathInApp(match.route.appBase, match.path)
  const decision = refuseAddress(match.route.guard, { address: client.address, path, query })
  if (decision === null) return null
  return { status: 403, code: 'HG_ACCESS', message: 'this address may not come here', detail: decision.reason }
}

function detailOf({ match, host }: RequestFacts): string | null {
  if (match.kind === 'denied') return `the deny rule "${match.route.name}" matches`
  if (match.kind === 'none') {
    return match.reason === 'no-route-for-host'
      ? `no route is for the host ${host}`
      : `no route of ${host} has this path`
  }
  return match.kind === 'route' ? match.route.fault : explainMalformed(match.reason)
}

function redactionOf({ match }: RequestFacts): Redaction | null {
  return match.kind === 'route' || match.kind === 'denied' ? match.route.redaction : null
}

function placeOf({ reading, address, facts }: Scene): Pick<Explanation, 'host' | 'path' | 'query'> {
  const question = address.target.indexOf('?')
  const redacted = redactAddress(address.target, redactionOf(facts))
  const cut = redacted.indexOf('?')
  if (question < 0 || cut < 0) return { host: reading.ok ? reading.host : '', path: redacted, query: '' }
  return { host: reading.ok ? reading.host : '', path: redacted.slice(0, cut), query: redacted.slice(cut) }
}

function routing({ serving, reading, facts }: Scene): Pick<Explanation, 'readings' | 'route' | 'considered'> {
  const { match } = facts
  const isTaken = match.kind === 'route' || match.kind === 'denied'
  const route = isTaken ? { name: match.route.name, reason: match.reason } : null
  if (!reading.ok) return { readings: [], route, considered: [] }
  const { readings, considered } = serving.table.explain(reading.host, reading.path)
  const rules = considered.map((rule): ConsideredRoute => {
    const { name, deny, match: where } = rule.route
    const verdict = explainVerdict(rule.verdict, deny)
    return { route: name, host: hostText(rule.host), path: where.path, won: rule.verdict === 'won', verdict }
  })
  return { readings: readings.map(reading => redactAddress(reading, redactionOf(facts))), route, considered: rules }
}

function hostText({ kind, name }: HostPattern): string {
  if (kind === 'any') return '*'
  return kind === 'exact' ? name : `*.${name}`
}

/** The request as it comes to the cache: of the client's own host, with the target that the origin gets. */
function cacheQuestion({ facts, method, head, asksForWebSocket }: Scene, route: ServedRoute): CacheQuestion {
  const { client, match, query } = facts
  const target = match.kind === 'route' ? match.path + query : ''
  const request = { method, host: client.host.toLowerCase(), target, scheme: client.proto, headers: head.lines }
  return { route: route.name, request, hostToSend: hostFor(route, facts), asksForWebSocket }
}

/** What is set over TLS alone comes from `hsts`. */
function answerField({ answerRules }: ServedRoute, name: string, value: string): Field & { readonly why?: string } {
  return Object.hasOwn(answerRules.set, name) ? { name, value } : { name, value, why: 'hsts of the route' }
}

function sentFor(scene: Scene, route: ServedRoute): Sent | null {
  const { facts, serving, head } = scene
  if (facts.match.kind !== 'route') return null
  const host = hostFor(route, facts)
  const headFacts: RequestHeadFacts = {
    client: facts.client,
    host,
    httpVersion: '1.1',
    requestId: facts.requestId,
    strippedPrefix: route.strippedPrefix,
    rules: requestRulesFor(route, facts, route.guard === null ? null : { set: {}, remove: route.guard.remove }),
  }
  const upgrade = scene.asksForWebSocket ? ['Connection', 'Upgrade', 'Upgrade', head.fields['upgrade'] ?? ''] : []
  const { kept, added, removed } = explainHead({ lines: head.lines, facts: headFacts, upgrade })
  const { set, remove } = answerRulesFor(route, facts)
  return {
    target: redactAddress(targetToSend(route, cacheQuestion(scene, route)), route.redaction),
    host,
    origins: serving.upstreams[route.name]?.origins ?? [],
    request: { kept: redactFields(kept), added: redactFields(added), removed },
    answer: {
      fill: route.securityFills.map(({ name, value }) => ({ name, value })),
      set: redactFields(Object.entries(set).map(([name, value]) => answerField(route, name, value))),
      remove,
    },
  }
}
