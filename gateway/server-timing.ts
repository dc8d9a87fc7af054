/**
 * Server-Timing (W3C) by the option `server_timing` of a route: where the time of an answer went, for the network panel of
 * a browser. What is known when the head goes: waiting for a place, the origin, the cache; encoding where the whole answer
 * was encoded at once.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompressionFacts } from '../plugins/compression/index.ts'
import { GATEWAY_NAME, type ProxyFacts } from '../plugins/proxy/index.ts'
import { queuedMs } from './queued.ts'

export interface TimingFacts {
  /** What the answer says in Cache-Status, in one word; null where the cache had no part. */
  readonly cache: string | null
  readonly queueMs: number
  /** Waited for the origin, queue and all; null = none was asked. */
  readonly originMs: number | null
  readonly attempts: number
}

/** The value of the field; empty where there is nothing to tell. */
export function serverTiming({ cache, queueMs, originMs, attempts }: TimingFacts): string {
  const metrics: string[] = []
  if (cache !== null) metrics.push(`cache;desc="${cache}"`)
  if (queueMs > 0) metrics.push(`queue;dur=${queueMs.toFixed(1)}`)
  if (originMs !== null) {
    metrics.push(`upstream;dur=${Math.max(0, originMs - queueMs).toFixed(1)}`)
    if (attempts > 1) metrics.push(`attempts;desc="${attempts}"`)
  }
  return metrics.join(', ')
}

/** For `app.proxy.addChanger`: adds the field to the head, and changes no body. */
export function addServerTiming({ fields }: { readonly fields: string[] }, request: FastifyRequest): false {
  if (!isTimed(request)) return false
  const cache = cacheWord(fields)
  const value = serverTiming({ cache, queueMs: queuedMs(request), ...originTime(request.proxyFacts, cache) })
  if (value !== '') fields.push('Server-Timing', value)
  return false
}

/** Behind the hook of the route that encodes, which is there before this one. */
export function timeEncoding(app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    const hooks = [route.onSend ?? []].flat()
    route.onSend = [
      ...hooks,
      (request, reply, payload, done) => {
        const timing = encodeTiming(request)
        if (timing !== null)
          reply.header('server-timing', [reply.getHeader('server-timing') ?? [], timing].flat().join(', '))
        done(null, payload)
      },
    ]
  })
}

function encodeTiming(request: FastifyRequest): string | null {
  if (!isTimed(request)) return null
  const { compressionFacts } = request as { readonly compressionFacts?: CompressionFacts | null }
  if (!compressionFacts || compressionFacts.encoding === null) return null
  const { encoding, cpuMs } = compressionFacts
  // Of a stream nobody knows it yet.
  return cpuMs > 0 ? `encode;desc="${encoding}";dur=${cpuMs.toFixed(1)}` : `encode;desc="${encoding}"`
}

/** A request that failed before the first hook has no facts. */
function isTimed({ facts }: { readonly facts: FastifyRequest['facts'] | null }): boolean {
  return facts?.match.kind === 'route' && facts.match.route.serverTiming
}

/** `hit`, or why the request went on to the origin (RFC 9211 §2): of the line that is this gateway's own, the last one. */
export function cacheWord(fields: readonly string[]): string | null {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    const value = fields[i + 1] as string
    if (fields[i] !== 'Cache-Status' || !value.startsWith(GATEWAY_NAME)) continue
    return value.startsWith(`${GATEWAY_NAME}; hit`) ? 'hit' : (/; fwd=([a-z-]+)/.exec(value)?.[1] ?? null)
  }
  return null
}

/** Another request's answer, or a stored one, is nothing that an origin was asked for here. */
function originTime(proxied: ProxyFacts | null, cache: string | null): Pick<TimingFacts, 'originMs' | 'attempts'> {
  const attempts = proxied?.attempts ?? 0
  if (proxied === null || proxied.headMs === 0 || (cache !== null && attempts === 0))
    return { originMs: null, attempts }
  return { originMs: proxied.headMs - proxied.startedMs, attempts }
}
