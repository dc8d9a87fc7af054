/** The cases on requests that must not be repeated, and on origins that stop and come back (RFC 9110 §9.2.2). */
import { setTimeout as sleep } from 'node:timers/promises'
import { tryAsk } from './clients.ts'
import type { Origin } from './origin.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

function postOnce(host: string): CaseFunction {
  return async run => {
    const { a, b, c } = run.lab
    const origins = [a, b, c]
    for (const origin of origins)
      origin.scripts.set(`p-${run.id}`, async arrival => {
        await arrival.message.complete.promise
        arrival.socket.resetAndDestroy()
      })
    // Several, so that kept connections are used as well.
    for (let i = 0; i < 5; i++) {
      const path = `/p-${run.id}-${i}`
      const got = await tryAsk(run, path, { host, method: 'POST', body: 'once' })
      const seen = origins.flatMap(origin => origin.seen(path)).length
      must(seen === 1, `seen ${seen} times`)
      must([0, 502, 504].includes(got.status), `answered ${got.status}`)
      await tryAsk(run, `/between-${i}`, { host })
    }
  }
}

/** Asks again and again from several clients until told to stop. */
function keepAsking(run: CaseRun, host: string) {
  const asked: { start: number; end: number; status: number }[] = []
  let isOver = false
  const loop = async () => {
    while (!isOver) {
      const start = performance.now()
      const { status } = await tryAsk(run, `/k-${run.id}`, { host, ms: 12_000 })
      asked.push({ start, end: performance.now(), status })
      await sleep(25)
    }
  }
  const loops = Promise.all([loop(), loop()])
  run.cleanup(() => {
    isOver = true
  })
  return {
    asked,
    stop: async () => {
      isOver = true
      await loops
    },
  }
}

async function restart(run: CaseRun, origins: readonly Origin[], host: string, downMs: number) {
  const asking = keepAsking(run, host)
  await sleep(200)
  const stopped = performance.now()
  for (const origin of origins) await origin.stop('reset')
  await sleep(downMs)
  for (const origin of origins) await origin.start()
  const started = performance.now()
  await sleep(4_000)
  await asking.stop()
  return { asked: asking.asked, stopped, started }
}

const describe = (one: { start: number; end: number; status: number }, from: number) =>
  `${one.status} asked at ${Math.round(one.start - from)} ms, ended at ${Math.round(one.end - from)} ms`

const poolDeadAndBack: CaseFunction = async run => {
  const { b, c } = run.lab
  const { asked, stopped, started } = await restart(run, [b, c], 'pool.test', 2_000)
  const down = asked.filter(one => one.start > stopped && one.end < started)
  const wrong = down.find(one => ![502, 503, 504].includes(one.status) || one.end - one.start > 5_000)
  must(wrong === undefined, `while down: ${wrong && describe(wrong, stopped)}`)
  const slow = asked.find(one => one.end - one.start > 5_000 && one.start < started)
  must(slow === undefined, `slow while down: ${slow && describe(slow, stopped)}`)
  return backWithin(asked, started, 3_000)
}

/** 200 within `ms` after the start, and no failure after the first 200. */
function backWithin(asked: readonly { start: number; end: number; status: number }[], started: number, ms: number) {
  const first = asked.find(one => one.end > started && one.status === 200)
  must(first !== undefined && first.end - started < ms, `first 200 after ${Math.round((first?.end ?? 0) - started)} ms`)
  const later = asked.find(one => one.start > first.end && one.status !== 200)
  must(later === undefined, `failed later: ${later && describe(later, started)}`)
  return `back after ${Math.round(first.end - started)} ms`
}

const singleRestart: CaseFunction = async run => {
  const { asked, stopped, started } = await restart(run, [run.lab.a], 'app.test', 1_000)
  const down = asked.filter(one => one.start > stopped && one.end < started)
  const wrong = down.find(one => ![502, 503].includes(one.status))
  must(wrong === undefined, `while down: ${wrong && describe(wrong, stopped)}`)
  const first = asked.find(one => one.start > started)
  must(
    first?.status === 200 && first.end - first.start < 1_000,
    `first after the start: ${first && describe(first, started)}`,
  )
  const later = asked.find(one => one.start > started && one.status !== 200)
  must(later === undefined, `failed later: ${later && describe(later, started)}`)
  return `${down.length} refused while down, ${asked.filter(one => one.start < started && one.end > started).length} held`
}

export const faultsOfPools: Readonly<Record<string, CaseFunction>> = {
  'post-not-repeated': postOnce('app.test'),
  'post-not-repeated-on-pool': postOnce('pool.test'),
  'pool-all-dead-and-back': poolDeadAndBack,
  'single-restart-recovers': singleRestart,
}
