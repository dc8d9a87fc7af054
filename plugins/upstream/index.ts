/**
 * Named groups of origins with a pool of connections each, as `app.upstream`. Works alone in any Fastify 5 app:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     const { statusCode } = await app.upstream.dispatcher('wiki').request({ path: '/', method: 'GET' })
 */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import { type UpstreamGroupOptions, upstreamOptionsSchema } from './options.ts'
import type { Lookup } from './resolver.ts'
import { type Connect, type OriginSnapshot, Upstreams } from './upstreams.ts'

export { isUpstreamFailure, retold, type UpstreamFailure, upstreamFailure } from './errors.ts'
export {
  type AttemptFacts,
  type Dispatch,
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  type FollowedExchange,
  type Interceptor,
  rawHeadersOnly,
} from './exchange.ts'
export type { LentTransport } from './group.ts'
export { headersObject } from './headers-object.ts'
export type { UpstreamGroupOptions, UpstreamOptions } from './options.ts'
export type { HealthEvent } from './pool-health.ts'
export { type Connect, type OriginSnapshot, Upstreams }

declare module 'fastify' {
  interface FastifyInstance {
    upstream: Upstreams
  }
}

/** How often time limits, idle connections and gauges are looked at. */
const SWEEP_MS = 250

/** A group as a program writes it: only the origins are needed, everything else has a default. */
export type UpstreamGroupInput = Partial<Omit<UpstreamGroupOptions, 'origins' | 'tls'>> & {
  readonly origins: readonly { readonly url: string; readonly weight?: number }[]
  readonly tls?: Partial<UpstreamGroupOptions['tls']>
}

export interface UpstreamPluginOptions {
  /** Groups of origins by name. */
  readonly upstreams?: Readonly<Record<string, UpstreamGroupInput>>
  /** In place of `dns.lookup`, for names that only the app knows. */
  readonly lookup?: Lookup
}

/** Without groups, brought along by a plugin that stands in front of them. */
const brought = new WeakSet<Upstreams>()

/** For such a plugin: it may be registered alone, or before this one. */
export async function bringUpstream(app: FastifyInstance): Promise<void> {
  if (app.hasDecorator('upstream')) return
  await app.register(upstream)
  brought.add(app.upstream)
}

const plugin: FastifyPluginAsync<UpstreamPluginOptions> = async (app, options) => {
  const { lookup, ...given } = options
  const resolved = resolveOptions('upstream', upstreamOptionsSchema, given)
  if (Object.hasOwn(app, 'upstream') && brought.delete(app.upstream)) {
    if (lookup !== undefined) app.upstream.lookUpBy(lookup)
    app.upstream.apply(resolved.upstreams)
    return
  }
  const upstreams = new Upstreams(contractOf(app), lookup)
  upstreams.apply(resolved.upstreams)
  const sweep = setInterval(() => upstreams.sweep(performance.now()), SWEEP_MS).unref()
  app.decorate('upstream', upstreams)
  app.addHook('onClose', (_app, closed) => {
    clearInterval(sweep)
    upstreams.destroy()
    closed()
  })
}

export const upstream = fp(plugin, { name: 'hearthgate-upstream', fastify: '5.x' })
export default upstream
