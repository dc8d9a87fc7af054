/**
 * The plugin in a bare app: what is counted, by sockets.
 */
import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { accessLog } from '../../../plugins/access-log/index.ts'
import { contractOf, exchangesOf, type RequestRecord } from '../../../plugins/contract/index.ts'
import { MAX_RECENT, metrics } from '../../../plugins/metrics/index.ts'
import { samplesOf } from './support.ts'

interface Started {
  readonly app: FastifyInstance
  readonly url: string
  readonly records: RequestRecord[]
  /** The next record. */
  next(): Promise<RequestRecord>
}

async function start(
  t: { teardown(fn: () => unknown): void },
  build: (app: FastifyInstance) => void,
): Promise<Started> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(metrics, { minSamples: 1 })
  await app.register(accessLog, { access: 'none' })
  build(app)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const records: RequestRecord[] = []
  const waiting: ((record: RequestRecord) => void)[] = []
  contractOf(app).journal.requests.listen(record => {
    records.push(record)
    waiting.shift()?.(record)
  })
  return { app, url, records, next: () => new Promise(resolve => waiting.push(resolve)) }
}

/** Until the server knows that its clients have all they asked for, which they know a moment before. */
async function settled(app: FastifyInstance): Promise<void> {
  while (exchangesOf(app).running > 0) await nextTurn()
}

t.test('each request is one record and one count, whether the access log is on or not', async t => {
  const { app, url, records } = await start(t, app => {
    app.get('/page/:id', () => 'hello')
  })
  for (let i = 0; i < 3; i++) await (await fetch(`${url}/page/${i}`)).text()
  await (await fetch(`${url}/nowhere`)).text()
  await settled(app)
  t.equal(records.length, 4)
  t.match(records[0], {
    route: '/page/:id',
    method: 'GET',
    status: 200,
    outcome: 'ok',
    bytesOut: 5,
    clientClass: 'lan',
  })
  const samples = samplesOf(await app.metrics.text())
  const ofPages = 'route="/page/:id",method="GET",status_class="2xx",cache="none"'
  t.equal(samples[`hearthgate_requests_total{${ofPages}}`], 3)
  t.equal(samples['hearthgate_response_body_bytes_total{route="/page/:id",encoding="identity"}'], 15)
  t.equal(samples['hearthgate_request_duration_seconds_count{route="/page/:id"}'], 3)
  t.equal(samples['hearthgate_request_duration_seconds_bucket{route="/page/:id",le="+Inf"}'], 3)
  t.equal(samples['hearthgate_request_outcomes_total{route="none",reason="ok"}'], 1)
})

t.test('a client that leaves is counted as one, and its request is in flight until then', async t => {
  const arrived = Promise.withResolvers<void>()
  const { app, url, next } = await start(t, app => {
    app.get('/slow', () => {
      arrived.resolve()
      return new Promise(() => {})
    })
  })
  const record = next()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await arrived.promise
  t.equal(samplesOf(await app.metrics.text())['hearthgate_requests_in_flight{route="/slow"}'], 1)
  socket.destroy()
  t.match(await record, { status: 499, outcome: 'client_left', route: '/slow' })
  t.equal(samplesOf(await app.metrics.text())['hearthgate_requests_in_flight{route="/slow"}'], 0)
})

t.test('a hijacked reply is counted too', async t => {
  const { url, next } = await start(t, app => {
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.end('raw')
    })
  })
  const record = next()
  t.equal(await (await fetch(`${url}/raw`)).text(), 'raw')
  t.match(await record, { outcome: 'ok', status: 200, route: '/raw' })
})

t.test('a method or an encoding that anybody can make up is no label', async t => {
  const { app, url } = await start(t, app => {
    app.addHttpMethod('PURGE')
    app.route({
      method: 'PURGE',
      url: '/',
      handler: (_request, reply) => reply.header('content-encoding', 'made-up').send('x'),
    })
  })
  await (await fetch(url, { method: 'PURGE' })).text()
  await settled(app)
  const text = await app.metrics.text()
  t.match(text, 'method="other"')
  t.match(text, 'encoding="other"')
  t.notMatch(text, /PURGE|made-up/)
})

t.test('the last requests are kept with their notes, and no more than the bound', async t => {
  const { app, url } = await start(t, app => {
    app.get('/', () => '')
  })
  await (await fetch(`${url}/?n=first`)).text()
  await settled(app)
  for (let i = 0; i < MAX_RECENT; i++) await app.inject('/?n=more')
  await settled(app)
  const all = app.metrics.recent.list(10_000)
  t.equal(all.length, MAX_RECENT)
  t.equal(all[0]?.number, MAX_RECENT)
  t.notOk(all.some(({ entry }) => entry.url.includes('first')))
})

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined
const skip = hasPromtool ? false : 'promtool is missing: apt-get install prometheus'

t.test('the text is what Prometheus takes', { skip }, async t => {
  const { app, url } = await start(t, app => {
    app.get('/', () => 'x')
  })
  await (await fetch(url)).text()
  const found = spawnSync('promtool', ['check', 'metrics'], { input: await app.metrics.text(), encoding: 'utf8' })
  t.equal(found.status, 0, found.stdout + found.stderr)
})

t.test('the running app says its analysis by route', async t => {
  const { app, url } = await start(t, app => {
    app.get('/', () => 'x')
  })
  for (let i = 0; i < 5; i++) await (await fetch(url)).text()
  await settled(app)
  t.match(app.metrics.analyse(), [{ route: '/', count: 5, successRate: 1, errorRate: 0 }])
  t.equal(app.metrics.history.last('/'), null, 'asking keeps nothing')
  app.metrics.analyseAndKeep()
  t.match(app.metrics.history.last('/'), { count: 5 })
})

t.test('the second that ends is one sample for all who listen', async t => {
  const { app, url } = await start(t, app => {
    app.get('/', () => 'x')
  })
  const sampled = Promise.withResolvers<unknown>()
  const stop = app.metrics.live.listen(sample => {
    if (sample.requests > 0) sampled.resolve(sample)
  })
  await (await fetch(url)).text()
  t.match(await sampled.promise, { requests: 1, errors: 0, bytesOut: 1 })
  stop?.()
  t.ok(app.metrics.live.samples.length >= 1)
})
