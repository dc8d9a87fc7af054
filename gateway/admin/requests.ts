/**
 * The last requests over the admin API, each with why it went as it did. Addresses are redacted here: what the ring keeps
 * is what the client wrote.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { redactUrl } from '../../plugins/access-log/index.ts'
import type { Note } from '../../plugins/contract/index.ts'
import { MAX_RECENT, type RecentRequest, verdictOf } from '../../plugins/metrics/index.ts'
import type { AdminSources } from './sources.ts'

const DEFAULT_LIMIT = 100

/** One request as it is shown. Times in milliseconds, sizes in bytes. */
export interface ShownRequest {
  readonly number: number
  readonly id: string
  readonly traceId?: string | null
  readonly at: string
  readonly method: string
  readonly host: string
  readonly url: string
  readonly route: string | null
  readonly upstream: string | null
  readonly client: string
  readonly protocol: string
  readonly status: number
  readonly outcome: string
  readonly verdict: string
  readonly ms: number
  readonly firstByteMs: number | null
  readonly upstreamMs: number | null
  readonly queueMs: number
  readonly encodeMs: number
  readonly attempts: number
  readonly cache: string | null
  readonly encoding: string | null
  readonly bytesIn: number | null
  readonly bytesRaw: number | null
  readonly bytesOut: number | null
  readonly isLongHeld: boolean
  readonly notes: readonly Note[]
}

export function addRequestEndpoints(app: FastifyInstance, sources: AdminSources): void {
  app.get('/api/requests', (request, reply) => list(request, reply, sources))
}

interface ListQuery {
  readonly limit?: string
  readonly after?: string
  /** Earliest end, in ms since 1970. */
  readonly since?: string
  readonly route?: string
  readonly verdict?: string
  readonly text?: string
}

function list(request: FastifyRequest, reply: FastifyReply, { app }: AdminSources): unknown {
  const query = request.query as Record<string, unknown>
  if (Object.values(query).some(value => typeof value !== 'string')) {
    return reply.code(400).send({ error: 'each of limit, after, since, route, verdict and text may stand once' })
  }
  const { limit, after, since, route, verdict, text } = query as ListQuery
  const most = readLimit(limit)
  const sinceMs = Number(since ?? 0) || 0
  const matches = ({ entry, atMs }: RecentRequest): boolean =>
    atMs >= sinceMs &&
    (route === undefined || route === '' || entry.route === route) &&
    (verdict === undefined || verdict === '' || verdictOf(entry) === verdict) &&
    (text === undefined || text === '' || textOf(entry).includes(text.toLowerCase()))
  return app.metrics.recent.list(most, Number(after ?? -1), matches).map(showRequest)
}

export function readLimit(limit: unknown): number {
  return Math.min(MAX_RECENT, Math.max(1, Math.trunc(Number(limit ?? DEFAULT_LIMIT)) || DEFAULT_LIMIT))
}

/** What a filter looks at: nothing that is not shown either, so that no secret can be found by trying. */
function textOf(entry: RecentRequest['entry']): string {
  const { method, host, url, status, outcome, client, requestId, cache, redaction } = entry
  return [method, host, redactUrl(url, redaction), status, outcome, client, requestId, cache ?? '']
    .join(' ')
    .toLowerCase()
}

export function showRequest({ number, atMs, entry, notes }: RecentRequest): ShownRequest {
  const { requestId, durationMs, url, host, redaction, userAgent: _agent, referer: _referer, ...same } = entry
  return {
    ...same,
    number,
    id: requestId,
    at: new Date(atMs).toISOString(),
    host: redactUrl(host, redaction),
    url: redactUrl(url, redaction),
    verdict: verdictOf(entry),
    ms: durationMs,
    notes,
  }
}
