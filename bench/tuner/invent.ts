/**
 * Worlds that nobody wrote: apps of any size with failings drawn one by one, routes of any length beside each other, load
 * that bursts, swings or is long away. A seed is a world. Nothing was fitted to these, so they tell what a rule is worth
 * that was made for others.
 */
import { Random } from './random.ts'
import type { RateWorld, RouteWorld, Steps, UpstreamWorld, World } from './world.ts'

const DURATION_S = 600
const MOST_APPS = 3
/** Work of one request, from a lookup to a thumbnail. */
const WORK_MS = [8, 900] as const
/** Of all routes of an app: more only takes longer to run. */
const MOST_RPS = 100

class Draw {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed, 1234)
  }

  is(probability: number): boolean {
    return this.#random.next() < probability
  }

  between(lo: number, hi: number): number {
    return lo + this.#random.next() * (hi - lo)
  }

  /** Each doubling as likely as any other. */
  size(lo: number, hi: number): number {
    return lo * (hi / lo) ** this.#random.next()
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random.next() * choices.length)] as T
  }
}

export function inventWorld(seed: number): World {
  const draw = new Draw(seed)
  const apps = Array.from({ length: draw.oneOf([1, 1, 2, MOST_APPS]) }, (_, i) => inventApp(draw, `u${i}`))
  const routes = apps.flatMap(app => inventRoutes(draw, app))
  const isDown = apps.some(({ down }) => down !== undefined)
  const isFailing = apps.some(({ fast503 }) => fast503 !== undefined)
  return {
    id: `i${seed}`,
    title: 'Drawn from a seed',
    durationS: DURATION_S,
    gateway: { cores: 2, cpuFactor: 1.5, baseCpuMs: 0.3 },
    clients: { lan: { flowMbps: 300, capMbps: 940, rttMs: 2 } },
    upstreams: apps,
    routes,
    staticSweep: {
      'upstream.maxConcurrency': [2, 4, 8, 16, 32, 'unlimited'],
      'upstream.queueOrder': ['fifo', 'lifo'],
      ...sweepOfRoutes(apps, routes),
      ...(isFailing ? { 'route.attempts': [1, 3] } : {}),
      ...(isDown ? { 'upstream.parkMs': [0, 8000] } : {}),
    },
  }
}

/** Where routes share an app, who goes first matters more than how long one waits. */
function sweepOfRoutes(apps: readonly UpstreamWorld[], routes: readonly RouteWorld[]): World['staticSweep'] {
  for (const { id } of apps) {
    const own = routes.filter(({ upstream }) => upstream === id).toSorted((a, b) => a.slo.goodMs - b.slo.goodMs)
    const [tightest, ...others] = own
    if (tightest !== undefined && others.length > 0) return { [`routes.${tightest.id}.priority`]: [0, 1] }
  }
  return { 'upstream.queueTimeoutMs': [1500, 'unlimited'] }
}

function inventApp(draw: Draw, id: string): UpstreamWorld {
  const cores = draw.oneOf([1, 1, 2, 4, 8, 16])
  const hasWorkers = draw.is(0.4)
  return {
    id,
    cores,
    workers: hasWorkers ? Math.round(cores * draw.between(1, 4)) : 'unlimited',
    backlog: 511,
    knee: hasWorkers ? 'unlimited' : Math.round(cores * draw.between(1.5, 4)),
    alpha: hasWorkers ? 0 : draw.size(0.01, 0.08),
    honoursCancel: draw.is(0.25),
    ...inventFailing(draw),
  }
}

function inventFailing(draw: Draw): Pick<UpstreamWorld, 'capacity' | 'down' | 'fast503'> {
  const from = Math.round(draw.between(120, 350))
  const forS = Math.round(draw.size(5, 60))
  switch (draw.oneOf(['none', 'drift', 'outage', '503'])) {
    case 'drift':
      return { capacity: driftOf(draw) }
    case 'outage':
      // What was down comes back slowly.
      return { down: [[from, 1], [from + forS, 0]], capacity: [[from + forS, 0.4], [from + forS + 30, 1]] } // biome-ignore format: as a timeline
    case '503':
      return { fast503: [[from, draw.size(0.01, 0.3)], [from + 3 * forS, draw.between(0, 0.02)]] } // biome-ignore format: as a timeline
    default:
      return {}
  }
}

function driftOf(draw: Draw): Steps {
  const least = draw.between(0.3, 0.8)
  const periodS = draw.size(120, 800)
  return Array.from({ length: DURATION_S / 15 }, (_, i) => {
    return [15 * i, 1 - ((1 - least) * (1 - Math.cos((2 * Math.PI * 15 * i) / periodS))) / 2] as const
  })
}

/** Between them they bring 40 to 90 % of what the app can do; in bursts and steps more or less. */
function inventRoutes(draw: Draw, app: UpstreamWorld): RouteWorld[] {
  const count = draw.oneOf([1, 1, 2, 3])
  const atOnce = app.workers === 'unlimited' ? app.cores : Math.min(app.workers, app.cores)
  const load = draw.between(0.4, 0.9)
  return Array.from({ length: count }, (_, i) => {
    const sigma = draw.between(0.3, 0.8)
    const least = (1000 * atOnce) / MOST_RPS / Math.exp(sigma ** 2 / 2)
    const median = Math.max(least, draw.size(...WORK_MS))
    const mean = median * Math.exp(sigma ** 2 / 2)
    const goodMs = Math.round(Math.max(200, mean * draw.size(4, 12)))
    return {
      id: `${app.id}-r${i}`,
      upstream: app.id,
      rate: inventRate(draw, ((load / count) * 1000 * atOnce) / mean),
      work: { dist: 'lognormal', median, sigma },
      bytes: 4000,
      slo: { goodMs, badMs: goodMs * draw.oneOf([5, 8, 10]) },
      workPerRequest: draw.is(0.5),
      idempotent: draw.is(0.8),
    }
  })
}

function inventRate(draw: Draw, rps: number): RateWorld {
  switch (draw.oneOf(['steady', 'bursts', 'quiet', 'steps'])) {
    case 'bursts': {
      const periodS = Math.round(draw.size(60, 300))
      const burstS = Math.round(periodS * draw.between(0.1, 0.35))
      return { type: 'bursts', periodS, burstS, rps: rps * draw.between(1.5, 4), idleRps: rps * 0.5, offsetS: 20 }
    }
    case 'quiet':
      // Hardly anything for minutes, then all at once.
      return { type: 'bursts', periodS: 300, burstS: 80, rps: rps * draw.between(1.2, 3), idleRps: 0.02, offsetS: 150 }
    case 'steps':
      return { type: 'steps', steps: [0, 150, 300, 450].map(from => [from, rps * draw.size(0.2, 2)] as const) }
    default:
      return { type: 'steps', steps: [[0, rps]] }
  }
}
