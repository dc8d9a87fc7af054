/**
 * What the access log and the metrics are told of a request and of a tunnel.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessEntry, AccessFacts } from '../plugins/access-log/index.ts'
import type { ProxyFacts } from '../plugins/proxy/index.ts'
import type { TunnelSummary } from '../plugins/websocket/index.ts'
import { queuedMs } from './queued.ts'
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
export function accessFacts(request: FastifyRequest, reply: FastifyReply, startedMs: number): AccessFacts | null {
  const { facts, proxyFacts, cachePassage } = request
  if (facts === null) return null
  const cache = cachePassage?.outcome ?? null
  if (proxyFacts !== null) return proxiedFacts(request, proxyFacts, { reply, startedMs, cache })
  return { ...refusedFacts(facts, reply), cache }
}

/** What the compression plugin, where the app has it, leaves on a request; `encoding` is null where it encoded nothing. */
interface CompressionFacts {
  readonly encoding: string | null
  /** 0 where the body was not touched. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly cpuMs: number
}

type MaybeCompressed = { readonly compressionFacts?: CompressionFacts | null }

interface Around {
  readonly reply: FastifyReply
  readonly startedMs: number
  readonly cache: string | null
}

/** Written out whole: it is made for every request, and a copy with changes costs several times as much. */
function proxiedFacts(request: FastifyRequest, proxied: ProxyFacts, { reply, startedMs, cache }: Around): AccessFacts {
  const { failure, headMs, bytesIn, attempts } = proxied
  const { cachePassage } = request
  const isAnswered = headMs > 0
  const compressed = (request as MaybeCompressed).compressionFacts ?? null
  const isEncodedHere = compressed !== null && compressed.encoding !== null
  const bytesSent = isAnswered ? proxied.bytesOut : announcedLength(reply)
  // Decoded on the way: more left than came. Of what was encoded the part counts that went through the encoder.
  const isDecodedHere = compressed !== null && !isEncodedHere && compressed.bytesIn > 0
  const bytesOut = isEncodedHere || isDecodedHere ? compressed.bytesOut : bytesSent
  // A stored form was encoded here as well, at another time.
  const perByte = cachePassage?.plainBytesPerByte ?? 1
  const bytesRaw = isEncodedHere
    ? compressed.bytesIn
    : perByte === 1 || bytesOut === null
      ? bytesOut
      : Math.round(bytesOut * perByte)
  const { requestId, traceId, host, client, route, redaction } = shared(request.facts)
  // Another request's answer, or a stored one: no origin was asked for this one.
  const isOwnAsking = cache === null || attempts > 0
  return {
    requestId,
    traceId,
    host,
    client,
    route,
    cache,
    redaction,
    upstream: isOwnAsking ? (proxied.origin ?? proxied.upstream) : null,
    attempts,
    bytesIn,
    bytesOut,
    bytesRaw,
    firstByteMs: isAnswered ? headMs - startedMs : null,
    upstreamMs: isAnswered && isOwnAsking ? headMs - proxied.startedMs : null,
    queueMs: queuedMs(request),
    encodeMs: isEncodedHere ? compressed.cpuMs : 0,
    error: failure === CLIENT_LEFT ? null : failure,
    isOriginCut: failure !== null && originCuts.has(failure),
    encoding: isEncodedHere ? compressed.encoding : proxied.encoding,
    isLongHeld: proxied.isLongHeld,
  }
}

const unsent = {
  ...{ upstream: null, attempts: 0, bytesIn: null, firstByteMs: null, upstreamMs: null, queueMs: 0, encodeMs: 0 },
  ...{ isOriginCut: false, encoding: null, isLongHeld: false },
}

function refusedFacts(facts: RequestFacts, reply: FastifyReply): AccessFacts {
  const { match } = facts
  const bytesOut = announcedLength(reply)
  const error = match.kind === 'route' ? null : `refused:${match.reason}`
  return { ...shared(facts), ...unsent, bytesOut, bytesRaw: bytesOut, error }
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
    bytesRaw: bytesDown,
    firstByteMs: null,
    upstreamMs: null,
    queueMs: 0,
    encodeMs: 0,
    encoding: null,
    isLongHeld: true,
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

function shared({ requestId, traceId, hostHeader, client, match }: RequestFacts) {
  const { name: route = null, redaction = null } = match.kind === 'route' || match.kind === 'denied' ? match.route : {}
  return { requestId, traceId, host: hostHeader, client: client.address, route, cache: null, redaction }
}

/** Of an answer of the gateway's own; Node no longer knows it when the head was written at once. */
function announcedLength(reply: FastifyReply): number | null {
  const { method } = reply.request
  const length = reply.getHeader('content-length')
  if (length === undefined) return null
  return method === 'HEAD' ? 0 : Number(length)
}
