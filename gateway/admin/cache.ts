/**
 * The cache over the admin API: what it holds and did, and what it is to forget.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { cacheShare, MAX_RECENT } from '../../plugins/metrics/index.ts'
import { topAddresses } from './cache-top.ts'
import { readPurge } from './purge-request.ts'
import type { AdminSources } from './sources.ts'

export function addCacheEndpoints(app: FastifyInstance, sources: AdminSources): void {
  app.get('/api/cache', async () => {
    const top = topAddresses(sources.app.metrics.recent.list(MAX_RECENT), cache => cacheShare(cache) === 'hits')
    return { ...(await sources.app.cache.stats()), top }
  })
  app.post('/api/cache/purge', { errorHandler: refuseBody }, (request, reply) => purge(request, reply, sources))
}

function purge({ body }: FastifyRequest, reply: FastifyReply, sources: AdminSources): unknown {
  const { routes } = sources.state.serving.config
  const reading = readPurge(
    body,
    routes.map(({ name }) => name),
  )
  if (!reading.ok) return reply.code(400).send({ error: reading.problem })
  return sources.app.cache.purge(reading.selector)
}

/** A body that is no JSON, or too large, is refused in the same form as everything else. */
function refuseBody({ statusCode = 500, message }: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  reply.code(statusCode).send({ error: message })
}
