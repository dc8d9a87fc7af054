/** A change of a knob acts on requests that already wait. */
import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { MOST_WITHOUT_A_CROWD } from '../../../plugins/admission/rules/patience.ts'
import { startRig } from './rig.ts'

t.test('a higher limit lets those go on who wait, a lower one holds back the next', async t => {
  const rig = await startRig(t)
  const knob = (await rigWithLane(rig)).tunable('admission.max_concurrency')
  t.match(knob, { scope: 'app', unit: 'count', min: 2, max: 100, configured: 16 })
  knob.set(2)
  const asked = ['/1', '/2', '/3', '/4', '/5'].map(path => rig.ask(path))
  await rig.waits(3)
  t.equal(rig.held.length, 3)
  knob.set(4)
  await rig.holds(5)
  t.match(rig.lane(), { limit: 4, mode: 'steered', inFlight: 4, waiting: 1 })
  knob.set(2)
  rig.held[1]!.answer()
  rig.held[2]!.answer()
  await asked[0]!.answer
  await asked[1]!.answer
  t.match(rig.lane(), { inFlight: 2, waiting: 1 })
  for (const held of rig.held) held.answer()
  await rig.holds(6)
  rig.held[5]!.answer()
  await Promise.all(asked.map(({ answer }) => answer))
})

t.test('a number in the configuration is moved by nobody', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 3 } })
  const knob = (await rigWithLane(rig)).tunable('admission.max_concurrency')
  knob.set(50)
  t.match(rig.lane(), { limit: 3, mode: 'fixed' })
})

t.test('a shorter queue refuses the newest that have no room in it', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const second = rig.ask('/2')
  await rig.waits(1)
  const third = rig.ask('/3')
  await rig.waits(2)
  rig.tunable('admission.queue').set(1)
  t.equal((await third.answer).status, 503)
  t.match(rig.lane(), { waiting: 1 })
  rig.held[0]!.answer()
  await rig.holds(2)
  rig.held[1]!.answer()
  t.same([(await first.answer).status, (await second.answer).status], [200, 200])
})

t.test('a shorter patience counts for a crowd that waits, and not for a visitor or two', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1, queueTimeoutMs: 60_000 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const others = Array.from({ length: MOST_WITHOUT_A_CROWD }, (_, i) => rig.ask(`/of-few/${i}`))
  await rig.waits(others.length)
  rig.tunable('admission.queue_timeout').set(1)
  await wait(300)
  t.equal(rig.lane().waiting, others.length, 'all of them still wait')
  const last = rig.ask('/one-too-many')
  const statuses = await Promise.all(others.map(async ({ answer }) => (await answer).status))
  t.same([...new Set(statuses)], [503])
  rig.held[0]!.answer()
  t.equal((await first.answer).status, 200)
  // Where it had waited for less than a millisecond when the others were refused, it is no crowd any more, and gets its place.
  const ended = last.answer.then(({ status }) => status)
  const isHeld = () => rig.held.length === 2
  while (!isHeld() && (await Promise.race([ended, wait(5)])) === undefined);
  if (isHeld()) rig.held[1]!.answer()
  t.equal(await ended, isHeld() ? 200 : 503)
})

t.test('all that a browser asks for over few connections waits while the app pauses', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1, queueTimeoutMs: 60_000 } })
  const agent = new Agent({ keepAlive: true, maxSockets: 6 })
  t.teardown(() => agent.destroy())
  const page = Array.from({ length: 40 }, (_, i) => rig.ask(`/image/${i}`, { agent }))
  await rig.holds(1)
  rig.tunable('admission.queue_timeout').set(1)
  await wait(2_600)
  for (let n = 0; n < page.length; n++) {
    await rig.holds(n + 1)
    rig.held[n]!.answer()
  }
  const statuses = await Promise.all(page.map(async ({ answer }) => (await answer).status))
  t.same([...new Set(statuses)], [200])
})

t.test('the order of those that wait can be turned round', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const rest = []
  for (const path of ['/2', '/3', '/4']) {
    rest.push(rig.ask(path))
    await rig.waits(rest.length)
  }
  rig.tunable('admission.queue_order').set(1)
  for (let n = 1; n <= 4; n++) {
    await rig.holds(n)
    rig.held[n - 1]!.answer()
  }
  await Promise.all([first, ...rest].map(({ answer }) => answer))
  t.strictSame(
    rig.held.map(({ path }) => path),
    ['/1', '/4', '/3', '/2'],
  )
})

/** A lane, and with it its knobs, comes with the first request. */
async function rigWithLane(rig: Awaited<ReturnType<typeof startRig>>): Promise<typeof rig> {
  const { answer } = rig.ask('/warm')
  await rig.holds(1)
  rig.held[0]!.answer()
  await answer
  return rig
}
