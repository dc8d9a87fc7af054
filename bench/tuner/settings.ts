/**
 * The knobs of the data plane with their values in force, and how decisions are laid over them.
 */
import type { Coding, CodingByClass, Decisions, RouteKnobs, UpstreamKnobs } from '../../plugins/tuner/types.ts'
import type { World } from './world.ts'

export interface UpstreamSettings extends Required<Omit<UpstreamKnobs, 'poolMax' | 'poolMin'>> {}

export interface RouteSettings {
  attempts: number
  backoffBaseMs: number
  backoffMaxMs: number
  jitter: boolean
  retryOn5xx: boolean
  timeoutMs: number
  queueTimeoutMs: number
  hedgeDelayMs: number | null
  hedgeBudgetRatio: number
  compression: Coding | CodingByClass
  priority: number
  maxShare: number
  exempt: boolean
}

export interface Settings {
  readonly upstreams: Record<string, UpstreamSettings>
  readonly routes: Record<string, RouteSettings>
}

/** A proxy that nobody has tuned: no limit, one attempt, gzip 6, 30 s. */
export function untunedSettings(world: World): Settings {
  const unlimited = Number.POSITIVE_INFINITY
  const upstream: UpstreamSettings = {
    maxConcurrency: unlimited,
    queueMax: unlimited,
    queueTimeoutMs: unlimited,
    queueOrder: 'fifo',
    retryBudgetRatio: unlimited,
    retryMinPerSec: 1,
    parkMs: 0,
  }
  const route: RouteSettings = {
    attempts: 1,
    backoffBaseMs: 50,
    backoffMaxMs: 2000,
    jitter: true,
    retryOn5xx: true,
    timeoutMs: world.routeDefaults?.timeoutMs ?? 30_000,
    queueTimeoutMs: unlimited,
    hedgeDelayMs: null,
    hedgeBudgetRatio: 0.1,
    compression: { algo: 'gzip', level: 6 },
    priority: 0,
    maxShare: 1,
    exempt: false,
  }
  return {
    upstreams: Object.fromEntries(world.upstreams.map(({ id }) => [id, { ...upstream }])),
    routes: Object.fromEntries(
      world.routes.map(({ id, timeoutMs }) => [id, { ...route, timeoutMs: timeoutMs ?? route.timeoutMs }]),
    ),
  }
}

/** Returns how many knobs changed their value. */
export function applyDecisions(settings: Settings, decisions: Decisions | null): number {
  let changed = 0
  for (const [id, knobs] of Object.entries(decisions?.upstreams ?? {})) changed += assign(settings.upstreams[id], knobs)
  for (const [id, knobs] of Object.entries(decisions?.routes ?? {})) changed += assign(settings.routes[id], knobs)
  return changed
}

function assign(settings: object | undefined, knobs: UpstreamKnobs | RouteKnobs): number {
  if (settings === undefined) return 0
  const into = settings as Record<string, unknown>
  let changed = 0
  for (const [name, value] of Object.entries(knobs)) {
    if (value === undefined || JSON.stringify(into[name]) === JSON.stringify(value)) continue
    into[name] = value
    changed++
  }
  return changed
}

/** Every combination of a world's sweep, over the untuned proxy. */
export function* sweepSettings(world: World): Iterable<{ readonly label: string; readonly settings: Settings }> {
  const entries = Object.entries(world.staticSweep)
  const total = entries.reduce((product, [, values]) => product * values.length, 1)
  for (let n = 0; n < total; n++) {
    const settings = untunedSettings(world)
    const words: string[] = []
    let rest = n
    for (const [path, values] of entries) {
      const value = values[rest % values.length] as string | number
      rest = Math.floor(rest / values.length)
      setPath(settings, path, value)
      words.push(`${path.split('.').slice(-2).join('.')}=${value}`)
    }
    yield { label: words.join(' '), settings }
  }
}

function setPath(settings: Settings, path: string, value: string | number): void {
  const parts = path.split('.')
  const knob = parts.at(-1) as string
  const read = readValue(knob, value)
  const isRoute = path.startsWith('route')
  const all: Record<string, unknown>[] = Object.values(isRoute ? settings.routes : settings.upstreams) as never
  const targets = path.startsWith('routes.') ? [settings.routes[parts[1] as string] as never] : all
  for (const target of targets as Record<string, unknown>[]) target[knob] = read
}

function readValue(knob: string, value: string | number): unknown {
  if (value === 'yes') return true
  if (value === 'unlimited') return Number.POSITIVE_INFINITY
  if (knob !== 'compression') return value
  return parseCoding(String(value))
}

export function parseCoding(text: string): Coding {
  const [algo = 'identity', level = '0'] = text.split(':')
  return { algo, level: Number(level) }
}
