/**
 * How many requests of a client are answered in a time, over the counters of @fastify/rate-limit, in memory or in a Redis
 * that several servers share. Works alone in any Fastify 5 app, for the routes of the scope that it is registered in:
 *
 *     await app.register(rateLimit, { requests: 100, windowMs: 60_000 })
 *
 * or with `attach: false` and limits of the caller's own, as the gateway has one a route.
 */
import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import { countInMemory, countInRedis } from './counters.ts'
import { Limiter, type SharedRedis } from './limiter.ts'
import { type RateLimit, rateLimitOptionsSchema } from './options.ts'

export type { RateDecision } from './decide.ts'
export type { Limiter as RateLimiter, SharedAnswer, SharedRedis } from './limiter.ts'
export { MAX_COUNTED } from './memory-store.ts'
export { type RateLimit, rateLimitOptionsSchema } from './options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts requests; `take(limit, client)` tells whether one is too many. */
    rateLimiter: Limiter
  }
}

export interface RateLimitFunctions {
  /** False where the caller asks `app.rateLimiter.take` itself. Default true. */
  readonly attach?: boolean
  /** Where several servers count together; closed with the app. Without it each process counts by itself. */
  readonly redis?: SharedRedis | null
}

const plugin: FastifyPluginAsync<Partial<RateLimit> & RateLimitFunctions> = async (app, options) => {
  const { attach = true, redis = null, ...given } = options
  const limit = resolveOptions('rate-limit', rateLimitOptionsSchema, given)
  const { signals } = contractOf(app)
  const own = await countInMemory(app)
  const shared = redis === null ? null : { redis, count: await countInRedis(app, redis.client) }
  const limiter = new Limiter({
    own,
    shared,
    decisions: signals.counter(
      'rate_limit_decisions_total',
      'Requests that were counted against a rate limit, by what came of it.',
      'route',
      'reason',
    ),
    fallbacks: signals.counter(
      'rate_limit_fallbacks_total',
      'Requests that were counted by this process alone since Redis did not answer.',
      'reason',
    ),
  })
  app.decorate('rateLimiter', limiter)
  app.addHook('onClose', async () => redis?.close())
  if (attach) limitRoutes(app, limit)
}

function limitRoutes(app: FastifyInstance, limit: RateLimit): void {
  app.addHook('onRequest', async (request, reply) => {
    const decision = await app.rateLimiter.take(limit, normalizeIP(request.ip))
    if (decision.pass) return
    reply.code(429).headers({ ...decision.fields, 'retry-after': decision.retryAfter, 'cache-control': 'no-store' })
    return reply.send({ statusCode: 429, error: 'Too many requests' })
  })
}

export const rateLimit = fp(plugin, { name: 'hearthgate-rate-limit', fastify: '5.x' })
export default rateLimit
