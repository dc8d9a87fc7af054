/**
 * The counters of @fastify/rate-limit, in memory and in Redis, as functions. Each is registered once in a scope of its own,
 * and what it counts comes with the question, so that a reload makes no new ones and forgets nothing.
 */
import { hash } from 'node:crypto'
import fastifyRateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Cluster, Redis } from 'ioredis'
import type { Counted } from './decide.ts'
import { MemoryStore } from './memory-store.ts'
import type { RateLimit } from './options.ts'

/** In front of every key in Redis. */
export const KEY_PREFIX = 'hearthgate:v1:rate:'

export type Count = (asked: Asked) => Promise<Counted>

/** What @fastify/rate-limit takes for a request: it reads the route's options of it, and hands it to our functions. */
export interface Asked {
  readonly key: string
  readonly limit: RateLimit
  readonly routeOptions: Readonly<Record<string, never>>
}

const noOptions = {}

/** `client`: whatever tells clients apart. Keys hold no byte of it, and are as short for every name. */
export function askedFor(limit: RateLimit, client: string): Asked {
  const counted = limit.by === 'client' ? client : ''
  const key = hash('sha256', `${limit.name}\0${limit.by}\0${counted}`, 'base64url').slice(0, 22)
  return { key, limit, routeOptions: noOptions }
}

const settings = {
  global: false,
  keyGenerator: (asked: unknown) => (asked as Asked).key,
  max: (asked: unknown) => (asked as Asked).limit.requests,
  timeWindow: (asked: unknown) => (asked as Asked).limit.windowMs,
} satisfies RateLimitPluginOptions

export function countInMemory(app: FastifyInstance): Promise<Count> {
  return counter(app, { store: MemoryStore })
}

/** The counter rejects where Redis does; it knows no time limit. */
export function countInRedis(app: FastifyInstance, redis: Redis | Cluster): Promise<Count> {
  return counter(app, { redis, nameSpace: KEY_PREFIX })
}

async function counter(app: FastifyInstance, store: RateLimitPluginOptions): Promise<Count> {
  const made = Promise.withResolvers<Count>()
  await app.register(async scope => {
    await scope.register(fastifyRateLimit, { ...settings, ...store })
    const count = scope.createRateLimit()
    made.resolve(async asked => {
      const counted = await count(asked as unknown as FastifyRequest)
      // Nobody is on an allow list here.
      if (counted.isAllowed) throw new TypeError('a request was not counted')
      return counted
    })
  })
  return made.promise
}
