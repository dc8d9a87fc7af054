/**
 * Spans for OpenTelemetry: one for each request, with those of the cache, of waiting for a place, of each attempt at an
 * origin and of encoding below it. They are made of what is known when a request is over, so that nothing runs in its way but
 * the beginning of one span. Needs `@opentelemetry/api` (an optional peer) and whatever SDK the process was started with:
 *
 *     await app.register(tracing)
 *
 * Where @fastify/otel follows the requests of the app, the spans hang below its own.
 */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, type ExchangeEntry, exchangesOf, resolveOptions } from '../contract/index.ts'
import { TracingMissingError } from './errors.ts'
import { OpenTraces } from './open-traces.ts'
import { type TracingOptions, tracingOptionsSchema } from './options.ts'
import type { Tracing } from './types.ts'

export { type TracingOptions, tracingOptionsSchema } from './options.ts'
export type { Tracing } from './types.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tracing: Tracing
  }
}

/** Options that are functions, for programs. */
export interface TracingFunctions {
  /** The address of a request as it is told. Left out: its path without the query. */
  readonly urlOf?: (entry: ExchangeEntry) => string
}

const withoutQuery = ({ url }: ExchangeEntry): string => url.split('?', 1)[0] as string

const plugin: FastifyPluginAsync<Partial<TracingOptions> & TracingFunctions> = async (app, options) => {
  const { urlOf = withoutQuery, ...given } = options
  const { attach } = resolveOptions('tracing', tracingOptionsSchema, given)
  const api = await import('@opentelemetry/api').catch(cause => {
    throw new TracingMissingError({ cause })
  })
  const tracing = new OpenTraces(api, urlOf)
  app.decorate('tracing', tracing)
  exchangesOf(app).listen({ wants: () => true, ended: (entry, noted) => tracing.ended(entry, noted) })
  contractOf(app).journal.attempts.listen(record => tracing.attempted(record))
  if (!attach) return
  app.addHook('onRequest', (request, _reply, done) => {
    tracing.begin(request)
    done()
  })
}

/** `app.tracing`. */
export const tracing = fp(plugin, { name: 'hearthgate-tracing', fastify: '5.x' })
export default tracing
