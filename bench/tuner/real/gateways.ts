/** The same gateway, differently set up, as contenders on real sockets. */
import { bestFixed } from '../oracle.ts'
import { type Settings, sweepSettings } from '../settings.ts'
import type { World } from '../world.ts'

/** Name and the lines of the route for a world. */
export const realContenders: Readonly<Record<string, (world: World, seed: number) => string>> = {
  untuned: () => 'tuner: { mode: off }\nadmission: false\nretry: false\nhealth: { hold: 0 }',
  sketch: () => 'tuner: { policy: rules, interval: 60s }\nadmission: false',
  off: () => 'tuner: { mode: off }',
  'best fixed': (world, seed) => fixedLines(bestSettings(world, seed)),
  tuner: () => '',
}

/** What the simulation finds best of all fixed settings. */
function bestSettings(world: World, seed: number): Settings {
  const { label } = bestFixed(world, seed)
  for (const each of sweepSettings(world)) if (each.label === label) return each.settings
  throw new Error(`the sweep of ${world.id} has no ${label}`)
}

function fixedLines({ upstreams, routes }: Settings): string {
  const upstream = Object.values(upstreams)[0] as Settings['upstreams'][string]
  const route = Object.values(routes)[0] as Settings['routes'][string]
  const { maxConcurrency, queueTimeoutMs, queueOrder, retryBudgetRatio } = upstream
  const limit = Number.isFinite(maxConcurrency) ? String(maxConcurrency) : '65535'
  const wait = Number.isFinite(queueTimeoutMs) ? `${queueTimeoutMs}ms` : '10m'
  const order = queueOrder === 'lifo' ? 'newest_first' : 'fifo'
  const budget = Number.isFinite(retryBudgetRatio) ? retryBudgetRatio : 1
  return [
    'tuner: { mode: off }',
    `admission: { max_concurrency: ${limit}, queue: 65535, queue_timeout: ${wait}, queue_order: ${order}, wait_goal: 10m }`,
    `request_optimization: { retry_attempts: ${route.attempts} }`,
    `retry: { budget: ${Math.round(budget * 100)}% }`,
  ].join('\n')
}

export function configOf(
  world: World,
  { lines, port, origin }: { lines: string; port: number; origin: number },
): string {
  const { goodMs, badMs } = (world.routes.at(-1) as World['routes'][number]).slo
  const route = ['name: app', `upstream: http://127.0.0.1:${origin}`, `slo: { good: ${goodMs}ms, bad: ${badMs}ms }`]
  const body = [...route, ...lines.split('\n').filter(line => line !== '')].map(
    (line, i) => `  ${i === 0 ? '- ' : '  '}${line}`,
  )
  return `listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
log: { level: warn, access: none }
routes:
${body.join('\n')}
`
}
