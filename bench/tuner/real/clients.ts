/** The clients of a world as real requests, open loop: they come when the world says so, whatever became of the others. */
import http from 'node:http'
import { Random } from '../random.ts'
import { planArrivals } from '../simulate.ts'
import type { Clock } from '../timeline.ts'
import type { RouteWorld, World } from '../world.ts'
import { BYTES_FIELD } from './app.ts'

const PATIENCE_MS = 30_000

/** Score of a run: mean utility by weight of the route, as in the simulation. */
export interface Scored {
  readonly score: number
  readonly requests: number
}

/** Ends when the last answer has come. */
export function runClients(
  world: World,
  clock: Clock,
  { port, seed }: { port: number; seed: number },
): Promise<Scored> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const { promise, resolve } = Promise.withResolvers<Scored>()
  let [gained, weight, requests, open] = [0, 0, 0, 0]
  let areAllSent = false
  const finish = () => {
    if (!areAllSent || open > 0) return
    agent.destroy()
    resolve({ score: weight === 0 ? 1 : gained / weight, requests })
  }
  let stream = 10
  for (const route of world.routes) {
    const arrivals = { route, share: 1, random: new Random(seed, stream++) }
    planArrivals({ world, timeline: clock }, arrivals, bytes => {
      open++
      requests++
      const place = { port, host: '127.0.0.1', agent, path: `/${route.id}/${requests}` }
      ask({ ...place, headers: { [BYTES_FIELD]: String(Math.round(bytes)) } }, ms => {
        open--
        weight += route.weight ?? 1
        gained += (route.weight ?? 1) * utility(route, ms)
        finish()
      })
    })
  }
  clock.after(world.durationS * 1000, () => {
    areAllSent = true
    finish()
  })
  return promise
}

function utility({ slo: { goodMs, badMs } }: RouteWorld, ms: number | null): number {
  return ms === null ? 0 : Math.min(1, Math.max(0, (badMs - ms) / (badMs - goodMs)))
}

/** `ended` gets the time to the last byte; null for a failure. */
function ask(options: http.RequestOptions, ended: (ms: number | null) => void): void {
  const startedMs = performance.now()
  let isOver = false
  const end = (isGood: boolean) => {
    if (isOver) return
    isOver = true
    clearTimeout(patience)
    ended(isGood ? performance.now() - startedMs : null)
  }
  const request = http.get(options, response => {
    response.resume()
    response.on('end', () => end(response.complete && (response.statusCode ?? 500) < 400))
    response.on('close', () => end(false))
  })
  request.on('error', () => end(false))
  const patience = setTimeout(() => request.destroy(), PATIENCE_MS)
}
