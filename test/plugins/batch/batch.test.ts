/** Batches in a bare app, on real sockets. */
import Fastify from 'fastify'
import t from 'tap'
import { type BatchInput, batch } from '../../../plugins/batch/index.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

async function startApp(t: Teardown, options: BatchInput = {}) {
  let running = 0
  let most = 0
  const app = Fastify({ forceCloseConnections: true })
  await app.register(batch, options)
  app.get('/who', ({ headers, ip }) => ({
    cookie: headers.cookie,
    agent: headers['user-agent'],
    own: headers['x-own'],
    ip,
  }))
  app.post('/echo', ({ body }) => ({ body }))
  app.get('/bytes', (_request, reply) => reply.type('image/png').send(Buffer.from([0xff, 0xd8, 0])))
  app.get('/large', () => 'x'.repeat(10_000))
  app.get('/never', () => new Promise(() => {}))
  app.get('/slow/:ms', async request => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setTimeout(resolve, Number((request.params as { ms: string }).ms)))
    running--
    return 'done'
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const call = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/_hearthgate/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { url, call, most: () => most }
}

type Entry = Record<string, unknown> & { body: string }
const entriesOf = async (response: Response) => ((await response.json()) as { responses: Entry[] }).responses

t.test('each sub-request has an answer of its own, in the order of the call', async t => {
  const { call } = await startApp(t)
  const answers = await entriesOf(
    await call(
      {
        requests: [
          { id: 'a', path: '/who', headers: { 'X-Own': 'yes' } },
          { id: 2, method: 'POST', path: '/echo', body: { n: 1 } },
          { path: '/nowhere' },
          { path: '/bytes' },
          { method: 'HEAD', path: '/who' },
        ],
      },
      { cookie: 'session=1', 'user-agent': 'test' },
    ),
  )
  t.match(answers, [
    { id: 'a', status: 200, encoding: 'utf8' },
    { id: 2, status: 200 },
    { id: null, status: 404 },
    { status: 200, encoding: 'base64', body: Buffer.from([0xff, 0xd8, 0]).toString('base64') },
    { status: 200, body: '' },
  ])
  t.strictSame(JSON.parse(answers[0]!.body), { cookie: 'session=1', agent: 'test', own: 'yes', ip: '127.0.0.1' })
  t.strictSame(JSON.parse(answers[1]!.body), { body: { n: 1 } })
})

t.test('no more run at once than allowed', async t => {
  const { call, most } = await startApp(t, { batchSize: 8, maxConcurrent: 2 })
  const answers = await entriesOf(await call({ requests: Array.from({ length: 8 }, () => ({ path: '/slow/5' })) }))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(most(), 2)
})

t.test('answers come as they end where the client asks for lines', async t => {
  const { call } = await startApp(t)
  const requests = [
    { id: 'slow', path: '/slow/100' },
    { id: 'quick', path: '/slow/1' },
  ]
  const response = await call({ requests }, { accept: 'application/x-ndjson' })
  t.equal(response.headers.get('content-type'), 'application/x-ndjson')
  const lines = (await response.text()).trim().split('\n')
  t.strictSame(
    lines.map(line => JSON.parse(line).id),
    ['quick', 'slow'],
  )
})

t.test('what is no call is refused', async t => {
  const { call, url } = await startApp(t, { batchSize: 2, maxCallBytes: 1000 })
  const ok = { path: '/who' }
  const cases: readonly (readonly [unknown, Record<string, string>, number, string])[] = [
    ['{', {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [ok, ok, ok] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: 'http://elsewhere/' }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: '/who', method: 'CONNECT' }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: '/who', headers: { Cookie: 'a=b' } }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: '/who', headers: { 'Sec-Fetch-Site': 'none' } }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: '/who', headers: { a: 'b\r\nc: d' } }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [{ path: '/w ho' }] }, {}, 400, 'HG_BATCH_CALL'],
    [{ requests: [ok] }, { 'content-type': 'text/plain' }, 415, 'HG_BATCH_TYPE'],
    [{ requests: [ok] }, { 'sec-fetch-site': 'cross-site' }, 403, 'HG_BATCH_ORIGIN'],
    [{ requests: [ok] }, { 'sec-fetch-site': 'same-site' }, 403, 'HG_BATCH_ORIGIN'],
    [{ requests: [ok] }, { origin: 'http://evil.test' }, 403, 'HG_BATCH_ORIGIN'],
    [{ requests: [ok] }, { origin: 'null' }, 403, 'HG_BATCH_ORIGIN'],
    [{ requests: [{ path: `/${'x'.repeat(2000)}` }] }, {}, 413, 'HG_BATCH_TOO_LARGE'],
  ]
  for (const [body, headers, status, code] of cases) {
    const response = await call(body, headers)
    t.equal(response.status, status, JSON.stringify([body, headers]).slice(0, 100))
    t.match(await response.json(), { code })
  }
  t.equal((await call({ requests: [ok] }, { origin: url, 'sec-fetch-site': 'same-origin' })).status, 200)
  t.equal((await fetch(`${url}/_hearthgate/batch`)).status, 405)
})

t.test('path and fields of a part are bounded as a head is', async t => {
  const { call } = await startApp(t, { maxCallBytes: 100_000 })
  const most = 16_384 - 1
  t.equal((await call({ requests: [{ path: `/${'x'.repeat(most)}` }] })).status, 200)
  t.equal((await call({ requests: [{ path: `/${'x'.repeat(most)}x` }] })).status, 400)
  t.equal((await call({ requests: [{ path: '/who', headers: { a: 'x'.repeat(most) } }] })).status, 400)
})

t.test('a batch does not stand in a batch', async t => {
  const { call } = await startApp(t)
  const inner = { method: 'POST', path: '/_hearthgate/batch', body: { requests: [{ path: '/who' }] } }
  t.match(await entriesOf(await call({ requests: [inner] })), [{ status: 400, body: /HG_BATCH_RECURSION/ }])
})

t.test('time and size are bounded for the whole call', async t => {
  const { call } = await startApp(t, { timeoutMs: 300, maxAnswerBytes: 15_000 })
  t.match(await entriesOf(await call({ requests: [{ path: '/never' }, { path: '/who' }] })), [
    { error: { code: 'HG_BATCH_TIMEOUT' } },
    { status: 200 },
  ])
  const large = await entriesOf(await call({ requests: [{ path: '/large' }, { path: '/large' }] }))
  t.equal(large.filter(({ status }) => status === 200).length, 1)
  t.match(
    large.find(({ error }) => error !== undefined),
    { error: { code: 'HG_BATCH_TOO_LARGE' } },
  )
})

t.test('where it is not allowed there is no such address, and no such part', async t => {
  const { call } = await startApp(t, {
    settingsFor: ({ originalUrl, raw }) =>
      originalUrl.startsWith('/echo')
        ? null
        : { path: '/_hearthgate/batch', batchSize: 5, maxConcurrent: 2, ownOrigin: `http://${raw.headers.host}` },
  })
  const requests = [{ method: 'POST', path: '/echo', body: 1 }, { path: '/who' }]
  t.match(await entriesOf(await call({ requests })), [{ status: 403, body: /HG_BATCH_ROUTE/ }, { status: 200 }])
})
