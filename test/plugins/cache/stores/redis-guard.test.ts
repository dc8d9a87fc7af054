/** Who is to blame when an answer is late: the server that keeps silent, or our own loop that stood still. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { readRedisAddress } from '../../../../plugins/cache/stores/index.ts'
import { connectRedis } from '../../../../plugins/cache/stores/redis/connect.ts'
import { type Answer, RedisGuard } from '../../../../plugins/cache/stores/redis/guard.ts'
import { Patience } from '../../../../plugins/cache/stores/redis/patience.ts'
import { type RedisServer, startRedis, type Teardown, until, withoutRedis } from './support.ts'

const LIMIT_MS = 50

async function openGuard(t: Teardown, { port }: RedisServer): Promise<RedisGuard> {
  const address = readRedisAddress(`redis://127.0.0.1:${port}`)
  if (address === null) throw new Error('no address')
  const settings = { timeoutMs: LIMIT_MS, beforeClosing: () => Promise.resolve(true), isSettled: () => true }
  const guard = new RedisGuard(connectRedis(address, 'test'), settings)
  t.teardown(() => guard.close())
  await until(async () => (await ask(guard)).ok, 10_000)
  return guard
}

/** A script, since these are sent together and wait for those before them. */
function ask(guard: RedisGuard): Promise<Answer<unknown>> {
  return guard.ask(client => client.eval('return 1', 0))
}

/** As if another process had the CPU. */
function standStill(timeMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeMs)
}

t.test('A loop that stood still blames nobody', { skip: withoutRedis }, async t => {
  const guard = await openGuard(t, await startRedis(t))
  for (const stillMs of [45, 55, 60, 90, 150]) {
    const unsent = [1, 2, 3].map(() => ask(guard))
    standStill(stillMs)
    t.match(
      await Promise.all(unsent),
      [{ ok: true }, { ok: true }, { ok: true }],
      `${stillMs} ms before they were sent`,
    )
    const sent = [1, 2, 3].map(() => ask(guard))
    await turn()
    standStill(stillMs)
    t.match(await Promise.all(sent), [{ ok: true }, { ok: true }, { ok: true }], `${stillMs} ms while they were open`)
    const first = ask(guard)
    await turn()
    const second = ask(guard)
    standStill(stillMs)
    t.match(await Promise.all([first, second]), [{ ok: true }, { ok: true }], `${stillMs} ms, one behind the other`)
  }
  t.equal(guard.available, true)
})

t.test('A silent server costs the limit, a burst counts once, three in a row open', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const guard = await openGuard(t, server)
  server.process.kill('SIGSTOP')
  for (let round = 1; round <= 3; round++) {
    t.equal(guard.available, true, `round ${round}`)
    const begin = performance.now()
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask(guard)))
    const timeMs = performance.now() - begin
    for (const answer of answers) t.same(answer, { ok: false, why: 'failed' })
    t.ok(timeMs >= LIMIT_MS - 2, `${timeMs} ms`)
  }
  t.equal(guard.available, false)
  t.same(await ask(guard), { ok: false, why: 'unavailable' })
})

t.test('Patience ends after its limit; that the loop stands still does not count, but not for ever', async t => {
  const wait = (): Promise<number> => {
    const begin = performance.now()
    return new Promise(resolve => new Patience(LIMIT_MS, () => resolve(performance.now() - begin)))
  }
  const quiet = await Promise.all([1, 2, 3].map(wait))
  for (const timeMs of quiet) t.ok(timeMs >= LIMIT_MS - 1, `${timeMs} ms`)
  const disturbed = wait()
  standStill(100)
  const disturbedMs = await disturbed
  t.ok(disturbedMs >= 100 + LIMIT_MS - 11, `${disturbedMs} ms`)
  let isOver = false
  const again = wait().then(() => {
    isOver = true
  })
  for (let time = 1; time <= 3; time++) {
    standStill(100)
    // The timers of the turn, and what they leave to the immediates.
    await turn()
    await turn()
  }
  await turn()
  t.equal(isOver, true, 'the third time was too much')
  await again
})

t.test('Patience that has ended says nothing', async t => {
  let said = 0
  const patience = new Patience(1, () => said++)
  standStill(5)
  patience.end()
  await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(said, 0)
})
