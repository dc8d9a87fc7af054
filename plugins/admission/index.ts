/**
 * Admission in front of `app.upstream`: a limit of requests at once for each set of origins, found by measuring where none
 * is named, with a short, fair queue before it. Works in any Fastify 5 app:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(admission, { upstreams: { wiki: { maxConcurrency: 8, queue: 64 } } })
 *
 * Rates (`bandwidth`, `uplink`) need the proxy plugin, registered before it.
 */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import type {} from '../proxy/index.ts'
import { bringUpstream } from '../upstream/index.ts'
import { Admission, type LaneSnapshot } from './admission.ts'
import type { CallerOf } from './limiter.ts'
import { admissionOptionsSchema, type LaneOptions } from './options.ts'

export { type Overloaded, SHED_REASONS, type ShedReason } from './errors.ts'
export { urgencyOf } from './rules/rank.ts'
export type { LaneOptions, LaneSnapshot }
export { Admission }

declare module 'fastify' {
  interface FastifyInstance {
    admission: Admission
  }
}

type LaneInput = Partial<Omit<LaneOptions, 'bandwidth'>> & { readonly bandwidth?: Partial<LaneOptions['bandwidth']> }

/** A set of options as a program writes it. */
export interface AdmissionInput {
  readonly defaults?: LaneInput
  readonly upstreams?: Readonly<Record<string, LaneInput>>
  /** Bytes per second of the line to the outside. */
  readonly uplink?: number | null
  /** Address of the client that a request counts for; that of the connection when left out. */
  readonly clientOf?: (request: FastifyRequest) => string
}

/** How often limits, shares and gauges are looked at. */
const SWEEP_MS = 250

const plugin: FastifyPluginAsync<AdmissionInput> = async (app, options) => {
  const { clientOf = addressOf, ...given } = options
  const { defaults, upstreams, uplink } = resolveOptions('admission', admissionOptionsSchema, given)
  await bringUpstream(app)
  const callerOf: CallerOf = incoming => {
    if (incoming === undefined) return nobody
    const request = incoming as FastifyRequest
    return { client: clientOf(request), connection: connectionOf(request) }
  }
  const admission = new Admission({ contract: contractOf(app), upstreams: app.upstream, callerOf }, defaults)
  admission.apply(upstreams, uplink)
  if (app.hasDecorator('proxy')) {
    app.proxy.paceBy((request, { upstream, client: { address } }) =>
      admission.bandwidth.isOn ? admission.bandwidth.paceFor({ upstream, client: clientOf(request), address }) : null,
    )
  }
  app.upstream.use(next => admission.intercept(next))
  app.decorate('admission', admission)
  const sweep = setInterval(() => admission.sweep(performance.now()), SWEEP_MS).unref()
  app.addHook('preClose', closing => {
    admission.close()
    closing()
  })
  app.addHook('onClose', (_app, closed) => {
    clearInterval(sweep)
    closed()
  })
}

const nobody = { client: '', connection: null }

function addressOf(request: FastifyRequest): string {
  return request.proxyCall?.client.address ?? request.raw.socket.remoteAddress ?? ''
}

/** The connection of the client; over HTTP/2 the session, which Node hides behind a stand-in. */
function connectionOf({ raw }: FastifyRequest): object {
  return (raw as { stream?: { session?: object } }).stream?.session ?? raw.socket
}

export const admission = fp(plugin, { name: 'hearthgate-admission', fastify: '5.x' })
export default admission
