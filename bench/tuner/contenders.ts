/**
 * What the tuner is measured against: published limiters, each with what it does beside limiting, on the same worlds.
 */

import { leastCeiling } from '../../plugins/compression/rules/levels.ts'
import { createController } from '../../plugins/tuner/controller.ts'
import { createRulesPolicy } from '../../plugins/tuner/rules-policy.ts'
import type { AttemptSample, ControllerMeta, Decisions, TunerWindow } from '../../plugins/tuner/types.ts'
import { asCeiling } from './answer-coding.ts'
import type { Policy } from './simulate.ts'
import type { World } from './world.ts'

export function metaOf(world: World): ControllerMeta {
  return {
    windowMs: 1000,
    gateway: { cores: world.gateway.cores },
    clients: Object.keys(world.clients),
    upstreams: world.upstreams.map(({ id }) => ({ id })),
    routes: world.routes.map(({ id, upstream, idempotent, slo, weight, contentType }) => {
      return {
        id,
        upstream,
        idempotent: idempotent !== false,
        slo,
        weight: weight ?? 1,
        contentType: contentType ?? '',
      }
    }),
  }
}

type Contenders = Readonly<Record<string, (world: World) => Policy>>

const limiters: Contenders = {
  untuned: () => ({}),
  sketch: world => createRulesPolicy(metaOf(world)),
  vegas: world => limiter(world, 20, vegas, 0),
  gradient2: world => limiter(world, 20, gradient2, 0),
  envoy: world => limiter(world, 20, envoy, 0),
  off: world => {
    const first = createController(metaOf(world)).initial()
    return { initial: () => first }
  },
  tuner: world => createController(metaOf(world)),
}

/** The tuner above the compression plugin's own decision, with one ceiling or one for each class (docs/adr/0036). */
const ceilings: Contenders = {
  'by answer': world => asCeiling(createController(metaOf(world)), null),
  'both 5': world => asCeiling(createController(metaOf(world)), { lan: leastCeiling.br, wan: leastCeiling.br }),
  'lan 1': world => asCeiling(createController(metaOf(world)), { lan: 1, wan: leastCeiling.br }),
  'both 1': world => asCeiling(createController(metaOf(world)), { lan: 1, wan: 1 }),
}

export const contenders: Contenders = { ...limiters, ...ceilings }
/** Those that a table shows unless it is asked for others. */
export const usual = Object.keys(limiters)

/** State of one limiter of one upstream. */
interface Limit {
  value: number
  least: number
  long: number
  quiet: number
}

type Step = (limit: Limit, samples: readonly AttemptSample[]) => void

/** A limit a window, no queue: what finds no place is refused. */
function limiter({ upstreams }: World, start: number, step: Step, queueMax: number): Policy {
  const limits = new Map(upstreams.map(({ id }) => [id, { value: start, least: 0, long: 0, quiet: 0 }]))
  const decisions = (): Decisions => ({
    upstreams: Object.fromEntries(
      Array.from(limits, ([id, { value }]) => [id, { maxConcurrency: Math.max(1, Math.round(value)), queueMax }]),
    ),
  })
  return {
    initial: decisions,
    observe({ attempts = [] }: TunerWindow) {
      for (const [id, limit] of limits)
        step(
          limit,
          attempts.filter(({ upstream }) => upstream === id),
        )
      return decisions()
    },
  }
}

function vegas(limit: Limit, samples: readonly AttemptSample[]): void {
  for (const { ms, kind, inflight = 1 } of samples) {
    limit.quiet++
    if (limit.least === 0 || ms < limit.least || limit.quiet > 30 * limit.value) {
      limit.least = ms
      limit.quiet = 0
    }
    const log = Math.max(1, Math.log10(limit.value))
    if (kind !== 'ok') limit.value -= log
    else if (inflight * 2 >= limit.value) {
      const queue = Math.ceil(limit.value * (1 - limit.least / ms))
      if (queue <= log) limit.value += 6 * log
      else if (queue < 3 * log) limit.value += log
      else if (queue > 6 * log) limit.value -= log
    }
    limit.value = Math.min(1000, Math.max(1, limit.value))
  }
}

function gradient2(limit: Limit, samples: readonly AttemptSample[]): void {
  for (const { ms, inflight = 1 } of samples) {
    limit.long = limit.long === 0 ? ms : limit.long + (2 / 601) * (ms - limit.long)
    if (limit.long / ms > 2) limit.long *= 0.9
    if (inflight < limit.value / 2) continue
    const gradient = Math.max(0.5, Math.min(1, limit.long / ms))
    limit.value = 0.8 * limit.value + 0.2 * (limit.value * gradient + 4)
    limit.value = Math.min(200, Math.max(20, limit.value))
  }
}

/** The minimum is measured over 50 attempts at a limit of 3, once a minute. */
function envoy(limit: Limit, samples: readonly AttemptSample[]): void {
  const times = samples
    .filter(({ kind }) => kind === 'ok')
    .map(({ ms }) => ms)
    .sort((a, b) => a - b)
  const median = times[times.length >> 1]
  if (median === undefined) return
  limit.quiet--
  if (limit.quiet <= 0) {
    if (limit.long === 0) limit.long = limit.value
    limit.value = 3
    limit.least = median
    if (limit.quiet < -2) {
      limit.value = limit.long
      limit.long = 0
      limit.quiet = 60
    }
    return
  }
  const gradient = Math.max(0.5, Math.min(2, (limit.least * 1.25) / median))
  limit.value = Math.min(1000, Math.max(1, gradient * limit.value + Math.sqrt(limit.value)))
}
