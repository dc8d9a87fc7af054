/**
 * Numbers over the admin API: the Prometheus text, the analyses by route, and the live samples as server-sent events.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { CONTENT_TYPE, type LiveSample } from '../../plugins/metrics/index.ts'
import type { AdminSources } from './sources.ts'

/** A reader that has left this much unread is let go. */
const MAX_UNREAD_BYTES = 256 * 1024

export function addMetricsEndpoints(app: FastifyInstance, { app: gateway }: AdminSources): void {
  const { metrics } = gateway
  app.get('/metrics', async (_request, reply) => reply.type(CONTENT_TYPE).send(await metrics.text()))
  app.get('/api/analysis', () => ({ now: metrics.analyse(), history: metrics.history.all() }))
  app.get('/api/hours', () => metrics.hours(0))
  app.get('/api/events', (_request, reply) => sendEvents(reply, metrics))
}

function sendEvents(reply: FastifyReply, { live }: FastifyInstance['metrics']): unknown {
  const { raw } = reply
  const stop = live.listen(sample => writeSample(raw, sample))
  if (stop === null) return reply.code(503).send({ error: 'too many pages are open already' })
  raw.on('close', stop)
  reply.hijack()
  const fields = reply.getHeaders() as Record<string, string>
  raw.writeHead(200, { ...fields, 'content-type': 'text/event-stream; charset=utf-8' })
  raw.write(`event: history\ndata: ${JSON.stringify(live.samples)}\n\n`)
  return reply
}

/** A browser that does not read must not fill the memory; it connects again by itself. */
function writeSample(raw: ServerResponse, sample: LiveSample): void {
  if (raw.writableLength > MAX_UNREAD_BYTES) raw.destroy()
  else raw.write(`data: ${JSON.stringify(sample)}\n\n`)
}
