/**
 * What the gateway finds out about a request before anything is done with it: who sent it, what it is called, which
 * route answers. Computed once, in the first hook (security lesson 4: one canonical path for everybody).
 */

import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import {
  type AnswerRules,
  type ClientFacts,
  clientFacts,
  type FieldRules,
  plainAddress,
} from '../plugins/proxy/index.ts'
import { newRequestId } from './request-ids.ts'
import { type Match, parseTarget } from './routing/index.ts'
import { tellAddresses } from './rules/answer-addresses.ts'
import { pathInApp } from './rules/app-path.ts'
import { type DavDecision, decideDav } from './rules/destination.ts'
import { mayHaveHsts } from './rules/hsts.ts'
import { decideRedirect } from './rules/https-redirect.ts'
import { fillTemplates } from './rules/templates.ts'
import type { ServedRoute, Serving } from './serving.ts'
import { decideTrace } from './trace-context.ts'
import { newTraceIds } from './trace-ids.ts'

/** Longest request id that is taken over from a trusted proxy. */
const MAX_REQUEST_ID = 128

/** Where the trace id stands in a traceparent (W3C Trace Context §3.2.2). */
const TRACE_ID_AT = 3
const TRACE_ID_LENGTH = 32

export interface RequestFacts {
  readonly requestId: string
  readonly client: ClientFacts
  /** Normalised name that routing saw; empty when the target was malformed. */
  readonly host: string
  /** Host field for the origin: the client's own, or the authority of an absolute-form target. */
  readonly hostHeader: string
  readonly query: string
  readonly match: Match<ServedRoute> | { readonly kind: 'malformed'; readonly status: 400; readonly reason: string }
  /** What becomes of the addresses in the head of a WebDAV request. */
  readonly dav: DavDecision
  /** Fields of a trace that the origin gets in place of the client's; null = those as they came. */
  readonly trace: TraceFields | null
  /** The trace that the origin sees; null = none, or none that was read here. */
  readonly traceId: string | null
}

type TraceFields = Readonly<Record<string, string>>

export const NO_DAV: DavDecision = { kind: 'pass', set: null, target: null }

/** `rawUrl` is the request target as it was received. */
export function requestFacts(serving: Serving, request: IncomingMessage, rawUrl: string): RequestFacts {
  const hostHeader =
    request.headers.host ?? (request.headers[':authority'] as string | undefined) ?? unsaidHost(request)
  const target = parseTarget(rawUrl, hostHeader, request.method)
  const client = clientOf(serving, request, target.ok ? target.hostHeader : (hostHeader ?? ''))
  const requestId = requestIdOf(request, client.isPeerTrusted)
  const given = request.headers['traceparent']
  const trace = traceOf(serving, given)
  const traces = { trace, traceId: traceIdOf(serving, given, trace) }
  if (!target.ok) {
    const match = { kind: 'malformed', status: 400, reason: target.reason } as const
    return { requestId, client, host: '', hostHeader: hostHeader ?? '', query: '', match, dav: NO_DAV, ...traces }
  }
  const { host, path, query } = target
  const { destination, if: condition } = request.headers
  const match = serving.table.match(host, path)
  const facts = { requestId, client, host, hostHeader: target.hostHeader, query, match, dav: NO_DAV, ...traces }
  if (destination === undefined && condition === undefined) return facts
  return { ...facts, dav: davFor(serving, facts, { method: request.method ?? 'GET', path, destination, condition }) }
}

/**
 * HTTP/1.0 knows no Host, and radios and the probes of load balancers send none: over plain HTTP such a request is for the
 * address that was dialled, which a route for every host serves (RFC 9112 §3.3, where a name that nobody has said is called
 * unsafe over TLS). Undefined where the request has to say it.
 */
function unsaidHost({ httpVersion, socket }: IncomingMessage): string | undefined {
  if (httpVersion !== '1.0' || (socket as TLSSocket).encrypted === true || !socket.localAddress) return undefined
  const address = plainAddress(socket.localAddress)
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort}`
}

interface DavHead {
  readonly method: string
  readonly path: string
  readonly destination: string | string[] | undefined
  readonly condition: string | string[] | undefined
}

/** Decides about the addresses in a head; Destination means something to COPY and MOVE alone (RFC 4918 §10.3). */
export function davFor({ table }: Serving, facts: RequestFacts, head: DavHead): DavDecision {
  if (facts.match.kind !== 'route') return NO_DAV
  const { match, host, client } = facts
  const isMoved = head.method === 'MOVE' || head.method === 'COPY'
  const origin = match.route.davScheme === null ? null : `${match.route.davScheme}://${hostFor(match.route, facts)}`
  const fields = {
    destination: isMoved ? head.destination?.toString() : undefined,
    condition: head.condition?.toString(),
  }
  const isOfApp = (other: ServedRoute) => other === match.route || isSameApp(match.route, other)
  return decideDav(fields, { table, isOfApp, host, path: head.path, client, origin })
}

/** Another route to the same app, which lets in who comes by this one: a part of the app with limits of its own. */
function isSameApp(route: ServedRoute, other: ServedRoute): boolean {
  const isSameOrigin = route.upstream[0]?.url === other.upstream[0]?.url
  return isSameOrigin && (other.access === false || isDeepStrictEqual(route.access, other.access))
}

/** What was found out about the sender of the last request on an HTTP/1.1 connection. */
interface Remembered {
  readonly serving: Serving
  readonly host: string
  readonly client: ClientFacts
}

const rememberedKey: unique symbol = Symbol('hearthgate.client-facts')
type RememberingSocket = IncomingMessage['socket'] & { [rememberedKey]?: Remembered }

/** Nothing but the Host can change from request to request on a connection whose peer is not trusted. */
function clientOf(serving: Serving, request: IncomingMessage, host: string): ClientFacts {
  const socket: RememberingSocket = request.socket
  const isHttp1 = request.httpVersionMajor === 1
  const known = isHttp1 ? socket[rememberedKey] : undefined
  if (known !== undefined && known.serving === serving && known.host === host) return known.client
  const connection = {
    peer: plainAddress(socket.remoteAddress),
    isTls: (socket as TLSSocket).encrypted === true,
    localPort: socket.localPort ?? 0,
  }
  const field = (name: string) => {
    const value = request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const client = clientFacts(connection, host, field, serving.isTrusted)
  if (isHttp1 && !client.isPeerTrusted) socket[rememberedKey] = { serving, host, client }
  return client
}

/** A trusted proxy's own id where it is one, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>, isPeerTrusted: boolean): string {
  const given = isPeerTrusted ? request.headers['x-request-id'] : undefined
  return typeof given === 'string' && given.length <= MAX_REQUEST_ID && /^[\w.:-]+$/.test(given)
    ? given
    : newRequestId()
}

/** Those of the client that a new trace has nothing to say in. */
const traceFields = ['traceparent', 'tracestate']

type GivenTrace = string | string[] | undefined

/** `newIds` for a request that is only explained. */
export function traceOf({ config }: Serving, given: GivenTrace, newIds = newTraceIds): TraceFields | null {
  const { context } = config.tracing
  // Most requests have none.
  if (given === undefined && context !== 'make') return null
  const decision = decideTrace(given?.toString(), context, newIds)
  return decision.replace ? { traceparent: decision.traceparent } : null
}

/** What has not been replaced was found valid, unless nobody looked. */
function traceIdOf({ config }: Serving, given: GivenTrace, trace: TraceFields | null): string | null {
  if (trace !== null) return traceIdIn(trace)
  return given === undefined || config.tracing.context === 'off' ? null : traceIdIn({ traceparent: given.toString() })
}

export function traceIdIn({ traceparent }: TraceFields): string | null {
  return traceparent?.slice(TRACE_ID_AT, TRACE_ID_AT + TRACE_ID_LENGTH) ?? null
}

/** The Host that the origin gets: the route's rule, else what the client asked for. */
export function hostFor(route: ServedRoute, facts: RequestFacts): string {
  return route.hostToSend ?? facts.hostHeader
}

/** What whoever let the request in wants the app to see, and not to see. */
export type Entry = FieldRules | null

/** The route's rules for the head of this request. */
export function requestRulesFor(route: ServedRoute, { client, dav, trace }: RequestFacts, entry: Entry): FieldRules {
  const own = route.hasTemplates ? fillTemplates(route.requestRules, client, route.strippedPrefix) : route.requestRules
  const addresses = dav.kind === 'pass' ? dav.set : null
  if (addresses === null && entry === null && trace === null) return own
  const remove = [...own.remove, ...(entry?.remove ?? []), ...(trace === null ? [] : traceFields)]
  return { set: { ...trace, ...own.set, ...addresses, ...entry?.set }, remove }
}

/** The route's rules for the head of the answer. */
export function answerRulesFor(route: ServedRoute, { client, host }: RequestFacts): AnswerRules {
  if (route.hsts === false || !mayHaveHsts(client.proto, host)) return route.answerRules
  return route.secureAnswerRules
}

/** Tells the addresses in the head of an answer as the client knows them; `fields` are changed in place. */
export function locateAnswer(
  { table }: Serving,
  { match, host, client, hostHeader }: RequestFacts,
  answer: { readonly status: number; readonly fields: string[]; readonly asked: string },
): void {
  if (match.kind !== 'route' || match.route.ownAddresses === null) return
  const { route } = match
  const own = match.route.ownAddresses
  const isElsewhere = (path: string) => {
    const found = table.match(host, path.split(/[?#]/, 1)[0] ?? '')
    return (
      found.kind === 'denied' || (found.kind === 'route' && found.route !== route && found.route.match.path !== '/')
    )
  }
  const { asked } = answer
  const question = () => ({ own, client, sentHost: route.hostToSend ?? hostHeader, asked, isElsewhere })
  tellAddresses(answer, route.headers, question)
}

/** What the route wants of a page that the gateway makes for it; empty where no route is known. */
export function pageFieldsFor(facts: RequestFacts): Readonly<Record<string, string>> {
  const { match } = facts
  return match.kind === 'route' || match.kind === 'denied' ? (answerRulesFor(match.route, facts).pages ?? {}) : {}
}

/** The same address under https, where the listener sends everybody there; null = the request is served as it is. */
export function httpsFor({ doors }: Serving, { client, host }: RequestFacts, arrival: Arrival): string | null {
  if (doors.length === 0) return null
  const { localPort = 0, localAddress, target } = arrival
  const { proto, address } = client
  const at = { localPort, localAddress: localAddress === undefined ? undefined : plainAddress(localAddress) }
  const decision = decideRedirect(doors, { proto, address, host, target, ...at })
  return decision.redirect ? decision.location : null
}

/** Where and with which target a request came in. */
export interface Arrival {
  readonly localPort?: number | undefined
  readonly localAddress?: string | undefined
  readonly target: string
}

/** Where the gateway itself sends a client, for an address of the route that its app does not answer; null = nowhere. */
export function redirectFor({ match, query, client }: RequestFacts): string | null {
  if (match.kind !== 'route' || match.route.redirects === null) return null
  return match.route.redirects(pathInApp(match.route.appBase, match.path), query, client)
}
