/**
 * The tuner: watches what the other plugins tell, and moves their knobs within their bounds where that is seen to help.
 * Works in any Fastify 5 app beside the plugins whose knobs it moves:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(admission, { upstreams: { wiki: {} } })
 *     await app.register(tuner, { routes: { wiki: { upstream: 'wiki', mode: 'apply' } } })
 */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import {
  MODES,
  type Mode,
  type TunedRoute,
  type TunerOptions,
  tunedRouteSchema,
  tunerOptionsSchema,
} from './options.ts'
import { TICKS, Tuner, type TunerSettings, type TunerStatus, WINDOW_MS } from './tuner.ts'

export { KNOB_GROUPS, type KnobGroup } from './apply/knob-map.ts'
export type { KnobStatus } from './apply/knobs.ts'
export { createController } from './controller.ts'
export { type LedgerFile, readLedger } from './ledger-file.ts'
export { type Replay, replay } from './recording.ts'
export { type Suggestion, type ToldKnob, type TunerFacts, tellEntry, tellRoute } from './told.ts'
export type { Entry } from './types.ts'
export { MODES, type Mode, type TunedRoute, Tuner, type TunerSettings, type TunerStatus }

declare module 'fastify' {
  interface FastifyInstance {
    tuner: Tuner
  }
}

/** Options as a program writes them: a route needs no more than its upstream. */
export type TunerInput = Partial<Omit<TunerOptions, 'routes'>> & {
  readonly routes?: Readonly<Record<string, Partial<TunedRoute> & Pick<TunedRoute, 'upstream'>>>
}

const plugin: FastifyPluginAsync<TunerInput> = async (app, options) => {
  const routes = Object.entries(options.routes ?? {}).map(([name, route]) => {
    return [name, resolveOptions(`tuner: routes.${name}`, tunedRouteSchema, route)]
  })
  const given = { ...options, routes: Object.fromEntries(routes) }
  const tuner = new Tuner(contractOf(app), resolveOptions('tuner', tunerOptionsSchema, given))
  app.decorate('tuner', tuner)
  const stop = tuner.listen()
  const timer = setInterval(() => tuner.tick(), WINDOW_MS / TICKS).unref()
  app.addHook('onClose', (_app, closed) => {
    clearInterval(timer)
    stop()
    tuner.close()
    closed()
  })
}

export const tuner = fp(plugin, { name: 'hearthgate-tuner', fastify: '5.x' })
export default tuner
