/**
 * The report of the last hours or days over the admin API: numbers, and the same in sentences.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HourBook } from '../../plugins/metrics/index.ts'
import { parseDuration } from '../config/units.ts'
import { makeReport, type Report } from '../report/report.ts'
import { sentences, spanText } from '../report/show.ts'

export interface ToldReport {
  readonly report: Report
  readonly span: string
  readonly sentences: readonly string[]
}

/** `readBook` gives all the hours that are kept, of every process that serves. */
export function addReportEndpoint(app: FastifyInstance, readBook: ReadBook): void {
  app.get('/api/report', (request, reply) => tell(request, reply, readBook))
}

type ReadBook = (request: FastifyRequest) => HourBook | Promise<HourBook>

async function tell(request: FastifyRequest, reply: FastifyReply, readBook: ReadBook): Promise<unknown> {
  const { since = '24h' } = request.query as Record<string, unknown>
  const asked = typeof since === 'string' ? parseDuration(since) : { ok: false as const }
  if (!asked.ok || asked.value === 0) {
    return reply.code(400).send({ error: 'write one duration: /api/report?since=24h' })
  }
  const book = await readBook(request)
  const uptimeSeconds = Math.round(process.uptime())
  const nowMs = Date.now()
  // Before 1970 there is no time to name, and far less is kept.
  const report = makeReport({ book, uptimeSeconds, sinceMs: Math.min(asked.value, nowMs), nowMs })
  return { report, span: spanText(report), sentences: sentences(report) } satisfies ToldReport
}
