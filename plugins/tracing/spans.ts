/**
 * What a request that is over, or an attempt at an origin, becomes as spans: names, times and attributes (OpenTelemetry
 * semantic conventions for HTTP). Pure; times in milliseconds by `performance.now()`.
 */
import type { AttemptRecord, ExchangeEntry } from '../contract/index.ts'

export interface SpanShape {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** What went wrong, null when nothing did. */
  readonly error: string | null
}

const methods: ReadonlySet<string> = new Set(
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH'.split(
    ' ',
  ),
)

/** Names of spans have few values: an unknown method is one. */
export function methodWord(method: string): string {
  return methods.has(method) ? method : '_OTHER'
}

export function requestShape(entry: ExchangeEntry, endMs: number, path: string): SpanShape {
  const { status, outcome, route, cache } = entry
  const method = methodWord(entry.method)
  const isFault = status >= 500 || (outcome !== 'ok' && outcome !== 'client_left' && !(status >= 400 && status < 500))
  return {
    name: route === null ? method : `${method} ${route}`,
    startMs: endMs - entry.durationMs,
    endMs,
    attributes: {
      'http.request.method': method,
      'url.path': path,
      'server.address': entry.host,
      'client.address': entry.client,
      'network.protocol.version': entry.protocol === 'h2' ? '2' : '1.1',
      ...(status === 0 ? {} : { 'http.response.status_code': status }),
      ...(route === null ? {} : { 'hearthgate.route': route }),
      ...(cache === null ? {} : { 'hearthgate.cache': cache }),
      'hearthgate.request_id': entry.requestId,
      'hearthgate.outcome': outcome,
      'hearthgate.attempts': entry.attempts,
    },
    error: isFault ? outcome : null,
  }
}

/**
 * The parts of a request that are known from its end; attempts tell of themselves.
 * @param beganMs when its own span began, which none of them precedes
 */
export function partShapes(entry: ExchangeEntry, beganMs: number, endMs: number): SpanShape[] {
  const { cache, queueMs, encodeMs, encoding, bytesRaw, bytesOut } = entry
  const startMs = endMs - entry.durationMs
  const headMs = startMs + (entry.firstByteMs ?? entry.durationMs)
  const askedMs = Math.max(startMs, headMs - (entry.upstreamMs ?? 0))
  const part = (name: string, from: number, to: number, attributes: SpanShape['attributes']): SpanShape => {
    const startMs = Math.min(endMs, Math.max(beganMs, from))
    return { name, startMs, endMs: Math.min(endMs, Math.max(startMs, to)), attributes, error: null }
  }
  return [
    ...(cache === null ? [] : [part('cache', startMs, askedMs, { 'hearthgate.cache': cache })]),
    ...(queueMs <= 0 ? [] : [part('queue', askedMs, askedMs + queueMs, {})]),
    ...(encodeMs <= 0
      ? []
      : [
          part('encode', headMs, headMs + encodeMs, {
            'hearthgate.encoding': encoding ?? '',
            'hearthgate.bytes_raw': bytesRaw ?? 0,
            'hearthgate.bytes_out': bytesOut ?? 0,
          }),
        ]),
  ]
}

export function attemptShape(record: AttemptRecord): SpanShape {
  const { endedMs, ms, status, kind, number, isHedge, origin, upstream } = record
  return {
    name: 'attempt',
    startMs: endedMs - ms,
    endMs: endedMs,
    attributes: {
      ...(origin === '' ? {} : { 'server.address': origin }),
      ...(status === 0 ? {} : { 'http.response.status_code': status }),
      'hearthgate.upstream': upstream,
      'hearthgate.attempt': number,
      'hearthgate.hedge': isHedge,
    },
    error: kind === 'ok' || kind === 'aborted' ? null : kind,
  }
}
