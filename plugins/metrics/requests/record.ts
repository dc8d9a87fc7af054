/**
 * The journal's record of a request, out of what was followed of it.
 */
import type { ExchangeEntry, RequestRecord } from '../../contract/index.ts'
import { isHomeAddress } from './words.ts'

/** Route of what matched none. */
export const NO_ROUTE = 'none'

/** Requests come in rows from one client. */
let lastClient = ''
let lastClass: RequestRecord['clientClass'] = 'wan'

function classOf(client: string): RequestRecord['clientClass'] {
  if (client !== lastClient) {
    lastClient = client
    lastClass = isHomeAddress(client) ? 'lan' : 'wan'
  }
  return lastClass
}

/** @param endedMs by `performance.now()` */
export function requestRecord(entry: ExchangeEntry, endedMs: number): RequestRecord {
  return {
    endedMs,
    requestId: entry.requestId,
    route: entry.route ?? NO_ROUTE,
    method: entry.method,
    status: entry.status,
    outcome: entry.outcome,
    clientClass: classOf(entry.client),
    ms: entry.durationMs,
    firstByteMs: entry.firstByteMs,
    queueMs: entry.queueMs,
    attempts: entry.attempts,
    cache: entry.cache,
    encoding: entry.encoding,
    bytesIn: entry.bytesIn ?? 0,
    bytesRaw: entry.bytesRaw ?? 0,
    bytesOut: entry.bytesOut ?? 0,
    encodeMs: entry.encodeMs,
    isLongHeld: entry.isLongHeld,
  }
}
