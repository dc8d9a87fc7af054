/**
 * What the metrics and the access log are told of clients that the listeners turn away before any route is looked for.
 */
import type { IncomingMessage } from 'node:http'
import type { AccessEntry } from '../plugins/access-log/index.ts'
import type { Exchanges, Signals } from '../plugins/contract/index.ts'
import { plainAddress } from '../plugins/proxy/index.ts'
import { isHttp2 } from './listeners/is-http2.ts'
import type { ListenerHandlers, RefusedRequest } from './listeners/types.ts'

/** What is not even a request is only counted: lines for it would cost more than the client paid. */
export function tellTurnedAway(
  signals: Signals,
  exchanges: Exchanges,
): Required<Pick<ListenerHandlers, 'onClientError' | 'onRefused'>> {
  const turnedAway = signals.counter(
    'listener_turned_away_total',
    'Connections and requests that the listeners turned away before any route, by reason.',
    'reason',
  )
  return {
    onClientError: kind => turnedAway.with(kind).add(1),
    onRefused: (req, refused) => exchanges.tell(refusedEntry(req, refused), req),
  }
}

/** The head is malformed: whose proxy the client is, or where it wanted to go, is not read out of it. */
function refusedEntry(req: IncomingMessage, { requestId, status, bytesOut }: RefusedRequest): AccessEntry {
  return {
    requestId,
    host: req.headers.host ?? '',
    client: plainAddress(req.socket.remoteAddress ?? ''),
    ...{ route: null, upstream: null, cache: null, attempts: 0, bytesIn: null, bytesOut, bytesRaw: bytesOut },
    ...{ firstByteMs: null, upstreamMs: null, queueMs: 0, encodeMs: 0, encoding: null, isLongHeld: false },
    method: req.method ?? '',
    url: req.url ?? '',
    protocol: isHttp2(req) ? 'h2' : 'h1',
    status,
    outcome: 'refused:head',
    durationMs: 0,
    userAgent: req.headers['user-agent'] ?? null,
    referer: req.headers.referer ?? null,
  }
}
