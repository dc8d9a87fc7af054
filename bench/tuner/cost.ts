/**
 * What a window costs with 100 routes, each with its upstream, under load that keeps every controller busy; and how much
 * memory a route takes.
 */
import { createController } from '../../plugins/tuner/controller.ts'
import type { Decisions, TunerWindow } from '../../plugins/tuner/types.ts'
import { Random } from './random.ts'

const ROUTES = 100
const WARM_WINDOWS = 300
const WINDOWS = 600
const RUNS = 5
/** Bounds as the gateway gives them for each route. */
const rules = Object.fromEntries(
  ['maxConcurrency', 'queueMax', 'queueTimeoutMs', 'attempts', 'retryBudgetRatio', 'poolMax', 'timeoutMs'].map(knob => {
    return [knob, { min: 0, max: 100_000, pinned: false }]
  }),
)

export function measureCost(): void {
  const runs = Array.from({ length: RUNS }, () => runOnce())
  // The same windows give the same work: what a window took least is its own, the rest is what ran beside it.
  const own = runs[0]?.times.map((_, i) => Math.min(...runs.map(({ times }) => times[i] ?? Number.POSITIVE_INFINITY)))
  const cpuMs = Math.min(...runs.map(run => run.cpuMs)) / WINDOWS
  const bytes = Math.min(...runs.map(run => run.bytes))
  console.log(`\n## Cost at ${ROUTES} routes, 1000 attempts a window\n`)
  console.log(`observe(), the least of ${RUNS} runs of each window: ${spread(own ?? [])}`)
  console.log(
    `observe(), all windows of all runs, with all that ran beside it: ${spread(runs.flatMap(run => run.times))}`,
  )
  console.log(`observe(), time on the CPU: mean ${cpuMs.toFixed(3)} ms`)
  console.log(`state: ${(bytes / ROUTES / 1024).toFixed(1)} KiB a route (run with --expose-gc for a true figure)`)
}

function runOnce(): { times: number[]; cpuMs: number; bytes: number } {
  const ids = Array.from({ length: ROUTES }, (_, i) => `route-${i}`)
  const meta = {
    upstreams: ids.map(id => ({ id })),
    routes: ids.map(id => ({ id, upstream: id, slo: { goodMs: 300, badMs: 3000 }, contentType: 'html' })),
    knobs: Object.fromEntries(ids.map(id => [id, rules])),
  }
  const before = memoryInUse()
  const controller = createController(meta)
  const random = new Random(1)
  const times: number[] = []
  let inForce = controller.initial()
  let cpuMs = 0
  for (let i = 0; i < WARM_WINDOWS + WINDOWS; i++) {
    const window = { ...makeWindow(ids, i, random), knobs: inForce }
    const started = performance.now()
    const cpu = process.threadCpuUsage()
    const decisions = controller.observe(window)
    const { user, system } = process.threadCpuUsage(cpu)
    const passed = performance.now() - started
    inForce = follow(inForce, decisions)
    if (i < WARM_WINDOWS) continue
    // This clock is coarse: only its sum means something.
    cpuMs += (user + system) / 1000
    times.push(passed)
  }
  const bytes = memoryInUse() - before
  // Until here it must not be collected.
  controller.save()
  return { times, cpuMs, bytes }
}

function memoryInUse(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]?.toFixed(3)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`
}

/** What is in force after the decisions, as the gateway would say with the next window. */
function follow(inForce: Decisions, decisions: Decisions | null): Decisions {
  if (decisions === null) return inForce
  const merge = <T extends object>(all: Record<string, T> = {}, next: Record<string, T> = {}) => {
    for (const [id, knobs] of Object.entries(next)) all[id] = { ...all[id], ...knobs } as T
    return all
  }
  return {
    upstreams: merge(inForce.upstreams, decisions.upstreams),
    routes: merge(inForce.routes, decisions.routes),
  }
}

function makeWindow(ids: readonly string[], i: number, random: Random): TunerWindow {
  const isBusy = i % 60 < 20
  const attempts = Array.from({ length: 1000 }, (_, n) => {
    const route = ids[n % ids.length] as string
    const inflight = isBusy ? 1 + Math.floor(random.next() * 16) : 1
    const kind = random.next() < 0.02 ? ('5xx' as const) : ('ok' as const)
    return { route, upstream: route, ms: 20 * inflight * (0.5 + random.next()), kind, inflight, try: 1 }
  })
  const one = {
    arrivals: 10,
    attempts: 10,
    ok: 10,
    inflightAvg: isBusy ? 14 : 1,
    inflightMax: 16,
    queueNow: isBusy ? 9 : 0,
    limitedFrac: isBusy ? 0.9 : 0,
  }
  const classes = { lan: { n: 10, raw: 300_000, bytesOut: 60_000, transferMs: 60, ttlb: 900, cpuMs: 9, cpuWork: 9 } }
  const route = { arrivals: 10, ok: 10, fail: 0, utility: isBusy ? 8 : 10, byClass: classes }
  return {
    t: i * 1000,
    windowMs: 1000,
    gateway: { cpuUtil: 0.3 },
    upstreams: Object.fromEntries(ids.map(id => [id, one])),
    routes: Object.fromEntries(ids.map(id => [id, route])),
    attempts,
    requests: [],
  }
}
