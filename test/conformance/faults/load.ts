/** The cases under load: no failure beside restarts, slow clients beside quick ones. */
import http from 'node:http'
import { sleep } from './clients.ts'
import { sendLarge } from './limits.ts'
import type { Origin } from './origin.ts'
import { stalledClient } from './streaming.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

interface Get {
  readonly start: number
  readonly end: number
  /** 0 = no answer. */
  readonly status: number
}

/** One client with kept connections. */
function get(run: CaseRun, agent: http.Agent, path: string, host: string): Promise<Get> {
  const start = performance.now()
  return new Promise(resolve => {
    const done = (status: number) => resolve({ start, end: performance.now(), status })
    const options = { host: '127.0.0.1', port: run.lab.port, path, agent, headers: { host }, timeout: 10_000 }
    const request = http.get(options, response => {
      response.resume()
      response.on('end', () => done(response.complete ? (response.statusCode ?? 0) : 0))
      response.on('error', () => done(0))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => done(0))
  })
}

/** Clients that ask one after another, `pauseMs` apart, as long as `isWanted`. */
async function clients(
  run: CaseRun,
  plan: { count: number; pauseMs: number; host: string; isWanted(asked: number): boolean },
): Promise<Get[]> {
  const results: Get[] = []
  let asked = 0
  const client = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    while (plan.isWanted(asked)) {
      results.push(await get(run, agent, `/l-${run.id}-${asked++}`, plan.host))
      if (plan.pauseMs > 0) await sleep(plan.pauseMs)
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: plan.count }, client))
  return results
}

const isFailure = ({ status }: Get) => status !== 200
const tell = (gets: readonly Get[]) =>
  gets.slice(0, 8).map(one => `${one.status} after ${Math.round(one.end - one.start)} ms`)

const steady: CaseFunction = async run => {
  const all = await clients(run, { count: 16, pauseMs: 0, host: 'app.test', isWanted: asked => asked < 4_000 })
  const failed = all.filter(isFailure)
  must(failed.length === 0, `${failed.length} of ${all.length} failed: ${tell(failed)}`)
  return `${all.length} GETs`
}

/** Runs 16 paced clients while the origins are stopped and started; [from, to] of each stop. */
async function besideStops(run: CaseRun, host: string, stops: () => Promise<[number, number][]>) {
  let isOver = false
  const asking = clients(run, { count: 16, pauseMs: 15, host, isWanted: () => !isOver })
  await sleep(500)
  const windows = await stops()
  await sleep(1_500)
  isOver = true
  return { gets: await asking, windows }
}

async function stopFor(origin: Origin, ms: number, how: 'reset' | 'end'): Promise<[number, number]> {
  const from = performance.now()
  const stopped = origin.stop(how)
  await sleep(ms)
  await stopped
  await origin.start()
  return [from, performance.now()]
}

const singleRestart: CaseFunction = async run => {
  const { gets, windows } = await besideStops(run, 'app.test', async () => {
    const first = await stopFor(run.lab.a, 300, 'reset')
    await sleep(1_500)
    return [first, await stopFor(run.lab.a, 300, 'reset')]
  })
  const failed = gets.filter(isFailure)
  const outside = failed.filter(one => !windows.some(([from, to]) => one.end >= from && one.start <= to + 300))
  must(outside.length === 0, `${outside.length} failures that overlap no stop: ${tell(outside)}`)
  const wrong = failed.filter(({ status }) => status !== 0 && status < 500)
  must(wrong.length === 0, `neither 5xx nor closed: ${tell(wrong)}`)
  const slow = gets.filter(one => one.end - one.start > 5_000)
  must(slow.length === 0, `hanging: ${tell(slow)}`)
  return `${failed.length} of ${gets.length} failed beside the stops`
}

function rolling(how: 'reset' | 'end', mostShare: number): CaseFunction {
  return async run => {
    const { gets } = await besideStops(run, 'pool.test', async () => {
      const windows: [number, number][] = []
      for (const origin of [run.lab.b, run.lab.c, run.lab.b, run.lab.c]) {
        windows.push(await stopFor(origin, 400, how))
        await sleep(1_100)
      }
      return windows
    })
    const failed = gets.filter(isFailure)
    must(failed.length <= gets.length * mostShare, `${failed.length} of ${gets.length} failed: ${tell(failed)}`)
    return `${failed.length} of ${gets.length} failed`
  }
}

const slowBeside: CaseFunction = async run => {
  run.lab.a.scripts.set(`slow-${run.id}`, arrival => sendLarge(arrival, 16 * 1024 ** 2))
  for (let i = 0; i < 100; i++) stalledClient(run, `/slow-${run.id}`)
  await sleep(200)
  const all = await clients(run, { count: 8, pauseMs: 2, host: 'app.test', isWanted: asked => asked < 1_500 })
  const failed = all.filter(isFailure)
  must(failed.length === 0, `${failed.length} of ${all.length} failed: ${tell(failed)}`)
  const times = all.map(one => one.end - one.start).sort((a, b) => a - b)
  const p99 = times[Math.floor(times.length * 0.99)] as number
  must(p99 < 1_000, `p99 ${Math.round(p99)} ms`)
  return `p99 ${Math.round(p99)} ms`
}

export const load: Readonly<Record<string, CaseFunction>> = {
  steady,
  'single-restart': singleRestart,
  'pool-rolling-restart': rolling('reset', 0.001),
  'pool-graceful-restart': rolling('end', 0),
  'slow-clients-beside': slowBeside,
}
