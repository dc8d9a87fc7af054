/**
 * What a window costs with 100 routes, each with its upstream, under load that keeps every controller busy; and how much
 * memory a route takes.
 */
import { createController } from '../../plugins/tuner/controller.ts'
import type { TunerWindow } from '../../plugins/tuner/types.ts'
import { Random } from './random.ts'

const ROUTES = 100
const WARM_WINDOWS = 300
const WINDOWS = 600

export function measureCost(): void {
  const ids = Array.from({ length: ROUTES }, (_, i) => `route-${i}`)
  const meta = {
    upstreams: ids.map(id => ({ id })),
    routes: ids.map(id => ({ id, upstream: id, slo: { goodMs: 300, badMs: 3000 }, contentType: 'html' })),
  }
  globalThis.gc?.()
  const before = process.memoryUsage()
  const controller = createController(meta)
  const random = new Random(1)
  const times: number[] = []
  let cpuMs = 0
  for (let i = 0; i < WARM_WINDOWS + WINDOWS; i++) {
    const window = makeWindow(ids, i, random)
    const started = performance.now()
    const cpu = process.threadCpuUsage()
    controller.observe(window)
    if (i < WARM_WINDOWS) continue
    // The clock of the CPU is coarse: only its sum means something.
    cpuMs += milliseconds(process.threadCpuUsage(cpu))
    times.push(performance.now() - started)
  }
  globalThis.gc?.()
  const after = process.memoryUsage()
  times.sort((a, b) => a - b)
  const at = (quantile: number) => (times[Math.floor(quantile * times.length)] ?? 0).toFixed(3)
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  console.log(`\n## Cost at ${ROUTES} routes, 1000 attempts a window\n`)
  console.log(`observe(): ${(cpuMs / WINDOWS).toFixed(3)} ms of CPU on average`)
  console.log(
    `by the clock, with all that runs beside it: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${(times.at(-1) ?? 0).toFixed(3)} ms`,
  )
  console.log(`state: ${(bytes / ROUTES / 1024).toFixed(1)} KiB a route (run with --expose-gc for a true figure)`)
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

/** Time on the CPU: what runs beside this on the machine does not count. */
function milliseconds({ user, system }: { user: number; system: number }): number {
  return (user + system) / 1000
}
