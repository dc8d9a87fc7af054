/**
 * What the access log is told of a request and of a tunnel.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessEntry, AccessFacts } from '../plugins/access-log/index.ts'
import type { CompressionFacts } from '../plugins/compression/index.ts'
import type { ProxyFacts } from '../plugins/proxy/index.ts'
import type { TunnelSummary } from '../plugins/websocket/index.ts'
import type { RequestFacts } from './request-facts.ts'

/** Failures of an origin in the middle of its answer. */
const originCuts: ReadonlySet<string> = new Set(['HG_UPSTREAM_INCOMPLETE', 'HG_UPSTREAM_STALLED'])
/** Not a failure of anybody: the line says `client_left` for it. */
const CLIENT_LEFT = 'HG_CLIENT_LEFT'

/** Ends of tunnels that are nobody's fault. */
const tunnelOutcomes: Readonly<Record<string, string>> = {
  ended: 'ok',
  refused: 'ok',
  client_gone: 'client_left',
  client_reset: 'client_left',
}

/** For a request that Fastify has seen, however it ended. Null for one that failed before the first hook. */
export function accessFacts(request: FastifyRequest, reply: FastifyReply): AccessFacts | null {
  const { facts, proxyFacts, cachePassage } = request
  if (facts === null) return null
  const cache = cachePassage?.outcome ?? null
  const seen = proxyFacts === null ? refusedFacts(facts, reply) : proxiedFacts(facts, proxyFacts, reply)
  const known = { ...seen, ...encodedFacts(request.compressionFacts) }
  // Another request's answer, or a stored one: no origin was asked for this one.
  const isOwnAsking = cache === null || known.attempts > 0
  return isOwnAsking ? { ...known, cache } : { ...known, cache, upstream: null, upstreamMs: null }
}

function proxiedFacts(facts: RequestFacts, proxied: ProxyFacts, { raw }: FastifyReply): AccessFacts {
  const { failure, headMs, startedMs, bytesIn, attempts } = proxied
  const isAnswered = headMs > 0
  const tookMs = isAnswered ? headMs - startedMs : null
  return {
    ...shared(facts),
    upstream: proxied.origin ?? proxied.upstream,
    attempts,
    bytesIn,
    bytesOut: isAnswered ? proxied.bytesOut : announcedLength(raw),
    firstByteMs: tookMs,
    upstreamMs: tookMs,
    error: failure === CLIENT_LEFT ? null : failure,
    isOriginCut: failure !== null && originCuts.has(failure),
  }
}

/** An encoder sends other bytes than came. */
function encodedFacts(encoded: CompressionFacts | null): Partial<Pick<AccessFacts, 'encoding' | 'bytesOut'>> {
  if (encoded === null) return {}
  const { encoding, reason, bytesOut } = encoded
  return reason === 'encoded' ? { encoding, bytesOut } : { encoding }
}

function refusedFacts(facts: RequestFacts, { raw }: FastifyReply): AccessFacts {
  const { match } = facts
  const bytesOut = announcedLength(raw)
  const error = match.kind === 'route' ? null : `refused:${match.reason}`
  const none = { upstream: null, attempts: 0, bytesIn: null, firstByteMs: null, upstreamMs: null, isOriginCut: false }
  return { ...shared(facts), ...none, bytesOut, error }
}

/** For an upgrade that reached a route. */
export function tunnelEntry(request: IncomingMessage, facts: RequestFacts, summary: TunnelSummary): AccessEntry {
  const { route, ...common } = shared(facts)
  const { reason, status, failure, bytesUp, bytesDown, durationMs } = summary
  return {
    ...common,
    route,
    upstream: route,
    attempts: status === null ? 0 : 1,
    bytesIn: bytesUp,
    bytesOut: bytesDown,
    firstByteMs: null,
    upstreamMs: null,
    method: request.method ?? 'GET',
    url: request.url ?? '',
    protocol: 'h1',
    status: status ?? 499,
    outcome: failure?.code ?? tunnelOutcomes[reason] ?? `tunnel_${reason}`,
    durationMs,
    userAgent: request.headers['user-agent'] ?? null,
    referer: request.headers.referer ?? null,
  }
}

function shared({ requestId, hostHeader, client, match }: RequestFacts) {
  const route = match.kind === 'route' || match.kind === 'denied' ? match.route.name : null
  return { requestId, host: hostHeader, client: client.address, route, cache: null, encoding: null }
}

function announcedLength(raw: FastifyReply['raw']): number | null {
  const length = raw.getHeader('content-length')
  return length === undefined ? null : Number(length)
}
