/**
 * The worlds as data, and how they are varied: scaled as a whole, or each rate, work time, body size, CPU and link drawn
 * anew within a factor of 1.6.
 */
import { readFileSync } from 'node:fs'
import { type Distribution, Random, scaleDistribution } from './random.ts'

export type Steps = readonly (readonly [fromS: number, value: number])[]

export interface UpstreamWorld {
  readonly id: string
  readonly workers: number | 'unlimited'
  readonly backlog: number
  readonly cores: number
  readonly knee: number | 'unlimited'
  readonly alpha: number
  readonly honoursCancel: boolean
  /** Probability of a 503 after 5 ms. */
  readonly fast503?: Steps
  /** Factor on the speed; 0 = nothing moves. */
  readonly capacity?: Steps
  /** 1 = connections are refused. */
  readonly down?: Steps
  /** More running requests than this end the process: all fail, and it is down for a while. */
  readonly crash?: { readonly above: number; readonly downS: number }
}

export type RateWorld =
  | { readonly type: 'steps'; readonly steps: Steps }
  | {
      readonly type: 'bursts'
      readonly periodS: number
      readonly burstS: number
      readonly rps: number
      readonly idleRps: number
      readonly offsetS: number
    }

export interface RouteWorld {
  readonly id: string
  readonly upstream: string
  readonly rate: RateWorld
  readonly work: Distribution
  readonly bytes: Distribution
  readonly slo: { readonly goodMs: number; readonly badMs: number }
  readonly mix?: Readonly<Record<string, number>>
  readonly contentType?: 'json' | 'html' | 'jpeg'
  readonly content?: { readonly compressibility: number; readonly speed: number; readonly tilt: number }
  readonly workPerRequest?: boolean
  readonly p5xx?: number
  readonly weight?: number
  readonly timeoutMs?: number
  /** False = POST and the like. */
  readonly idempotent?: boolean
  /** Waits without work: an event stream, a long poll. */
  readonly holds?: boolean
}

export interface World {
  readonly id: string
  readonly title: string
  readonly durationS: number
  readonly gateway: { readonly cores: number; readonly cpuFactor: number; readonly baseCpuMs: number }
  readonly clients: Readonly<Record<string, { flowMbps: number; capMbps: number; rttMs: number }>>
  readonly upstreams: readonly UpstreamWorld[]
  readonly routes: readonly RouteWorld[]
  readonly routeDefaults?: { readonly timeoutMs?: number }
  readonly staticSweep: Readonly<Record<string, readonly (string | number)[]>>
}

/** Raw MB/s and share of the size that is left, by content and `codec:level`. */
export type CompressionTable = Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>

interface WorldFile {
  readonly compression?: CompressionTable
  readonly scenarios: readonly World[]
}

const read = (name: string): WorldFile => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as WorldFile

const given = read('./worlds.json')
export const compressionTable = given.compression as CompressionTable
/** The seven worlds that the bars are written for. */
export const knownWorlds: readonly World[] = given.scenarios
/** Seven of our own, which nothing was fitted to on purpose: drift, restarts, stalls, mixed routes. */
export const holdOutWorlds: readonly World[] = read('./hold-out.json').scenarios

/** More of our own, with other capacities, times, failures and mixes: what the rules are checked on after a change. */
export const furtherWorlds: readonly World[] = read('./further.json').scenarios

/** Upstream and load times `factor`: cores, workers, knee and rates. */
export function scaleWorld(world: World, factor: number): World {
  const whole = (value: number | 'unlimited') =>
    value === 'unlimited' ? value : Math.max(1, Math.round(value * factor))
  return {
    ...world,
    id: `${world.id} x${factor}`,
    upstreams: world.upstreams.map(upstream => ({
      ...upstream,
      cores: upstream.cores * factor,
      workers: whole(upstream.workers),
      knee: upstream.knee === 'unlimited' ? upstream.knee : Math.max(1, upstream.knee * factor),
    })),
    gateway: { ...world.gateway, cores: world.gateway.cores * Math.max(1, factor) },
    clients: mapValues(world.clients, link => ({ ...link, capMbps: link.capMbps * factor })),
    routes: world.routes.map(route => ({ ...route, rate: scaleRate(route.rate, factor) })),
  }
}

/** Each number of the world times something between 1/1.6 and 1.6. */
export function varyWorld(world: World, seed: number): World {
  const random = new Random(seed, 77)
  const factor = () => 1.6 ** (2 * random.next() - 1)
  return {
    ...world,
    id: `${world.id} #${seed}`,
    gateway: { ...world.gateway, cpuFactor: world.gateway.cpuFactor * factor() },
    clients: mapValues(world.clients, link => {
      const speed = factor()
      return { ...link, flowMbps: link.flowMbps * speed, capMbps: link.capMbps * speed }
    }),
    routes: world.routes.map(route => ({
      ...route,
      rate: scaleRate(route.rate, factor()),
      work: scaleDistribution(route.work, factor()),
      bytes: scaleDistribution(route.bytes, factor()),
    })),
  }
}

function scaleRate(rate: RateWorld, factor: number): RateWorld {
  if (rate.type === 'steps') return { ...rate, steps: rate.steps.map(([from, rps]) => [from, rps * factor]) }
  return { ...rate, rps: rate.rps * factor, idleRps: rate.idleRps * factor }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

/** Value of `steps` at a time. */
export function valueAt(steps: Steps | undefined, seconds: number, otherwise: number): number {
  let value = otherwise
  for (const [from, next] of steps ?? []) {
    if (from > seconds) break
    value = next
  }
  return value
}

/** Requests a second at a time. */
export function rateAt(rate: RateWorld, seconds: number): number {
  if (rate.type === 'steps') return valueAt(rate.steps, seconds, 0)
  if (seconds < rate.offsetS) return rate.idleRps
  return (seconds - rate.offsetS) % rate.periodS < rate.burstS ? rate.rps : rate.idleRps
}
