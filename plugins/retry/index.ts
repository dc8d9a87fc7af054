/**
 * Further attempts in front of `app.upstream`: what is safe is sent again, slow requests get a second attempt, and what
 * could not be sent waits for an app that restarts. Works in any Fastify 5 app:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(retry, { attempts: 3, holdMs: 8_000 })
 */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import { bringUpstream } from '../upstream/index.ts'
import { DueTimes } from './due-times.ts'
import { HeldBytes } from './held-answer.ts'
import { defaultPolicy, type RetryOptions, type RetryPolicy, retryOptionsSchema } from './options.ts'
import { Retries, type RetrySnapshot } from './retries.ts'

export type { RetryOptions, RetryPolicy } from './options.ts'
export { Retries, type RetrySnapshot }

/** The policy where nothing else is said. */
export const defaultRetryPolicy: RetryPolicy = Object.freeze(defaultPolicy())

declare module 'fastify' {
  interface FastifyInstance {
    retry: Retries
  }
}

/** Options of a program: every key has a default. */
export type RetryInput = Partial<Omit<RetryOptions, 'upstreams'>> & {
  readonly upstreams?: Readonly<Record<string, Partial<RetryPolicy> | false>>
}

const plugin: FastifyPluginAsync<RetryInput> = async (app, options) => {
  const { upstreams: own, ...shared } = resolveOptions('retry', retryOptionsSchema, options)
  await bringUpstream(app)
  const times = new DueTimes()
  const around = { upstreams: app.upstream, contract: contractOf(app), times, held: new HeldBytes() }
  const retries = new Retries(around, shared)
  const merged = Object.entries(own).map(([name, differs]) => [name, differs && { ...shared, ...differs }])
  retries.apply(Object.fromEntries(merged))
  app.decorate('retry', retries)
  app.upstream.use(retries.intercept)
  app.upstream.useConnect(next => retries.interceptConnect(next))
  app.addHook('onClose', (_app, closed) => {
    retries.close()
    times.close()
    closed()
  })
}

export const retry = fp(plugin, { name: 'hearthgate-retry', fastify: '5.x' })
export default retry
