/** Probes, the circuit and the way back of an origin, on real sockets. */
import t from 'tap'
import { contractOf } from '../../../../plugins/contract/index.ts'
import type { UpstreamFailure } from '../../../../plugins/upstream/index.ts'
import { answer, type Script } from '../../../support/raw-origin.ts'
import { named, originOf, send, startApp, startOrigin, until } from '../support.ts'

/** Tells probes and requests apart by their path. */
function probed(name: string, isWell: () => boolean): Script {
  return ({ target, headers }, socket) => {
    if (target !== '/healthz') return void socket.write(answer(200, {}, name))
    const status = headers['user-agent'] === 'hearthgate-probe' && isWell() ? 200 : 500
    socket.write(answer(status, {}, ''))
  }
}

t.test('an origin whose probes fail is left out without a failed request, and comes back by a probe', async t => {
  let isWell = true
  const sick = await startOrigin(
    t,
    probed('sick', () => isWell),
  )
  const other = await startOrigin(
    t,
    probed('other', () => true),
  )
  const app = await startApp(t, {
    origins: [{ url: sick.url }, { url: other.url }],
    probePath: '/healthz',
    probeIntervalMs: 1000,
    ejectTimeMs: 60_000,
  })
  const told: (string | null)[] = []
  app.upstream.health.listen(({ state, reason }) => void told.push(state, reason))
  const probes = () => sick.requests.filter(({ target }) => target === '/healthz')
  await until('a first probe', () => probes().length >= 1)
  t.notOk(originOf(app).isAvoided)
  isWell = false
  await until('two failed probes', () => originOf(app).isAvoided)
  t.strictSame(told, ['ejected', 'probe'])
  for (let i = 0; i < 6; i++) t.equal(String((await send(app.upstream)).body), 'other')
  isWell = true
  await until('a probe that succeeds', () => !originOf(app).isAvoided)
  t.strictSame(told, ['ejected', 'probe', 'healthy', null], 'long before its time was over')
  t.ok(
    new Set(probes().map(({ connection }) => connection)).size === probes().length,
    'each on a connection of its own',
  )
})

t.test('the last origin is asked whatever its probes say', async t => {
  const only = await startOrigin(
    t,
    probed('only', () => false),
  )
  const app = await startApp(t, { origins: [{ url: only.url }], probePath: '/healthz', probeIntervalMs: 1000 })
  await until('three probes', () => only.requests.length >= 3)
  t.notOk(originOf(app).isAvoided)
  t.equal(String((await send(app.upstream)).body), 'only')
})

t.test('the circuit opens after waits in a row, lets one request through, and closes with an answer', async t => {
  let isStuck = true
  const origin = await startOrigin(t, (_request, socket) => {
    if (!isStuck) socket.write(answer(200, {}, 'well'))
  })
  const app = await startApp(t, { origins: [{ url: origin.url }], headTimeoutMs: 100, maxSize: 20 })
  const codeOf = () =>
    send(app.upstream).then(
      ({ status }) => String(status),
      (error: UpstreamFailure) => error.code,
    )
  const gauge = contractOf(app).signals.gauge('upstream_circuit_open', '', 'upstream').with('app')
  t.strictSame(await Promise.all(Array.from({ length: 5 }, codeOf)), Array(5).fill('HG_UPSTREAM_TIMEOUT'))
  const began = performance.now()
  t.strictSame(await Promise.all(Array.from({ length: 10 }, codeOf)), Array(10).fill('HG_CIRCUIT_OPEN'))
  t.equal(origin.requests.length, 5, 'nothing of them was sent')
  t.equal(gauge.value, 1)
  const reached = async () => (await codeOf()) !== 'HG_CIRCUIT_OPEN'
  while (!(await reached()) && performance.now() - began < 5_000) await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(performance.now() - began > 1_800, 'after two seconds one is let through')
  t.equal(origin.requests.length, 6)
  t.equal(await codeOf(), 'HG_CIRCUIT_OPEN', 'it failed: open again, for longer')
  isStuck = false
  let code = ''
  const again = performance.now()
  while (code !== '200' && performance.now() - again < 8_000) {
    code = await codeOf()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.ok(performance.now() - again > 3_500, 'four seconds this time')
  t.equal(origin.requests.length, 7)
  t.strictSame(await Promise.all(Array.from({ length: 10 }, codeOf)), Array(10).fill('200'), 'closed for everybody')
  t.equal(gauge.value, 0)
})

t.test('long polls that outlast the patience do not keep visitors from the page', async t => {
  const origin = await startOrigin(t, ({ target }, socket) => {
    if (!target.startsWith('/bosh')) socket.write(answer(200, {}, 'page'))
  })
  const app = await startApp(t, { origins: [{ url: origin.url }], headTimeoutMs: 100, maxSize: 20 })
  const poll = (id: number) =>
    send(app.upstream, { path: `/bosh?rid=${id}` }).catch((error: UpstreamFailure) => error.code)
  const late = await Promise.all(Array.from({ length: 6 }, (_, id) => poll(id)))
  t.strictSame(late, Array(6).fill('HG_UPSTREAM_TIMEOUT'))
  t.equal(await poll(6), 'HG_CIRCUIT_OPEN')
  const page = await Promise.all(Array.from({ length: 10 }, () => send(app.upstream, { path: '/app.js' })))
  t.strictSame(
    page.map(({ status }) => status),
    Array(10).fill(200),
  )
})

t.test('an origin that comes back gets a tenth of its share at first', async t => {
  const steady = await startOrigin(t, named('steady'))
  let fails = true
  const back = await startOrigin(t, (_request, socket) => socket.write(answer(fails ? 503 : 200, {}, 'back')))
  const app = await startApp(t, { origins: [{ url: steady.url }, { url: back.url }], ejectTimeMs: 300 })
  while (!originOf(app, 1).isAvoided) await send(app.upstream)
  fails = false
  await until('its time to be over', () => !originOf(app, 1).isAvoided)
  while (originOf(app, 1).state !== 'healthy') await send(app.upstream)
  const [before, began] = [back.requests.length, performance.now()]
  for (let i = 0; i < 44; i++) await send(app.upstream)
  const got = back.requests.length - before
  const mostByShare = 1 + 44 * Math.max(0.1, (performance.now() - began) / 10_000)
  t.ok(got >= 1 && got <= mostByShare, `${got} of 44 right after it came back`)
})
