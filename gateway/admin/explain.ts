/**
 * "Why" over the admin API: for an address, what would happen; for a request that is over, what did.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ExplainError, type Explanation, explainRequest, type TunerKnowledge } from '../explain/index.ts'
import { type ShownRequest, showRequest } from './requests.ts'
import type { AdminSources } from './sources.ts'

/** A request that is over. `explanation` is what the configuration in force says about its address; null = nothing. */
export interface Why {
  readonly request: ShownRequest
  readonly explanation: Explanation | null
}

export function addExplainEndpoint(app: FastifyInstance, sources: AdminSources): void {
  app.get('/api/explain', (request, reply) => explain(request, reply, sources))
}

function explain(request: FastifyRequest, reply: FastifyReply, sources: AdminSources): unknown {
  const { method = 'GET', url, id } = request.query as Record<string, unknown>
  if (typeof id === 'string' && url === undefined) return why(id, reply, sources)
  // A name that stands twice in the query comes as a list.
  if (typeof url !== 'string' || typeof method !== 'string') {
    const error = 'write /api/explain?method=GET&url=http://host/path, with one url and at most one method, or ?id=ID'
    return reply.code(400).send({ error })
  }
  return explainRequest(sources.state.serving, { method, url, headers: [] }, runningTuner(sources))
}

function runningTuner({ app }: AdminSources): TunerKnowledge {
  const { knobs, log } = app.tuner.status()
  return { source: 'running', at: null, knobs, log }
}

function why(id: string, reply: FastifyReply, sources: AdminSources): unknown {
  const { app, state } = sources
  const found = app.metrics.recent.find(id)
  if (found === null) {
    return reply.code(404).send({ error: 'no request of this id is among the last; its line in the access log may be' })
  }
  const { method, host, url } = found.entry
  return { request: showRequest(found), explanation: explainAgain({ method, url: host + url }) } satisfies Why

  function explainAgain(request: { method: string; url: string }): Explanation | null {
    try {
      return explainRequest(state.serving, { ...request, headers: [] }, runningTuner(sources))
    } catch (error) {
      // What a client can send and a person cannot write, such as another scheme.
      if (error instanceof ExplainError) return null
      throw error
    }
  }
}
