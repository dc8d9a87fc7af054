/** Every example starts, does what its first lines say, and ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { WebSocket } from 'ws'
import { start as startAccess } from '../../examples/access.ts'
import { start as startAccessLog } from '../../examples/access-log.ts'
import { start as startAdmission } from '../../examples/admission.ts'
import { start as startBatch } from '../../examples/batch.ts'
import { start as startCache } from '../../examples/cache.ts'
import { start as startCompression } from '../../examples/compression.ts'
import { start as startHttpProxy } from '../../examples/http-proxy.ts'
import { start as startMetrics } from '../../examples/metrics.ts'
import { start as startProxy } from '../../examples/proxy.ts'
import { start as startRateLimit } from '../../examples/rate-limit.ts'
import { start as startRetry } from '../../examples/retry.ts'
import type { Running } from '../../examples/sample-app.ts'
import { start as startTuner } from '../../examples/tuner.ts'
import { start as startUpstream } from '../../examples/upstream.ts'
import { start as startWebsocket } from '../../examples/websocket.ts'

interface Told {
  readonly path: string
  readonly headers: Record<string, string>
}

async function started(t: { teardown(fn: () => unknown): void }, start: () => Promise<Running>): Promise<string> {
  const { url, close } = await start()
  t.teardown(close)
  return url
}

const read = async (url: string, init?: RequestInit): Promise<unknown> => (await fetch(url, init)).json()

t.test('upstream: a handler asks a group of origins', async t => {
  const url = await started(t, startUpstream)
  t.match(await read(`${url}/summary`), {
    statusCode: 200,
    answer: { path: '/api/pages', headers: { host: 'wiki.home.arpa' } },
  })
  t.match(await read(`${url}/connections`), [{ upstream: 'wiki', open: 1, inFlight: 0 }])
})

t.test('proxy: a prefix goes to another app, the rest stays', async t => {
  const url = await started(t, startProxy)
  const told = (await read(`${url}/wiki/a%2Fb?c`, { headers: { 'Remote-User': 'root' } })) as Told
  t.equal(told.path, '/a%2Fb?c')
  t.match(told.headers, { 'x-real-ip': '127.0.0.1', 'x-forwarded-prefix': '/wiki', via: '1.1 hearthgate' })
  t.notOk('remote-user' in told.headers)
  t.strictSame(await read(url), { see: '/wiki/' })
})

t.test('tuner: the knobs of an app stand where they are configured, and the ledger is open', async t => {
  const url = await started(t, startTuner)
  t.match(await read(`${url}/wiki/page`), { path: '/page' })
  const knobs = (await read(`${url}/knobs`)) as { name: string; value: number }[]
  t.match(
    knobs.find(({ name }) => name === 'admission.max_concurrency'),
    { scope: 'wiki', value: 16, mode: 'apply', pinned: false },
  )
  t.strictSame(await read(`${url}/ledger`), [])
})

t.test('retry: an app that restarts is waited for', async t => {
  const url = await started(t, startRetry)
  t.match(await read(`${url}/wiki/page`), { path: '/page' })
  t.match(await read(`${url}/waiting`), [{ upstream: 'wiki', awayMs: null, held: 0, active: 0 }])
})

t.test('rate-limit: the fourth request of a minute has to wait', async t => {
  const url = await started(t, startRateLimit)
  for (const status of [200, 200, 200, 429]) t.equal((await fetch(`${url}/search`)).status, status)
})

t.test('cache: what is public is asked for once, until it is purged', async t => {
  const url = await started(t, startCache)
  const ask = async (path: string) => (await fetch(url + path)).headers.get('cache-status')
  t.equal(await ask('/wiki/assets/a.js'), 'hearthgate; fwd=uri-miss; stored')
  t.match(await ask('/wiki/assets/a.js'), /^hearthgate; hit; ttl=/)
  t.equal(await ask('/wiki/page'), 'hearthgate; fwd=uri-miss; detail=nothing-to-reuse')
  t.match(await read(`${url}/numbers`), { store: { kind: 'memory', entries: 1 }, outcomes: { hit: 1, miss: 2 } })
  t.strictSame(await read(`${url}/forget`, { method: 'POST' }), { removed: 1, complete: true })
  t.equal(await ask('/wiki/assets/a.js'), 'hearthgate; fwd=uri-miss; stored')
})

t.test('compression: pages shrink, pictures and secrets are left alone', async t => {
  const url = await started(t, startCompression)
  const ask = async (path: string) => (await fetch(url + path, { headers: { 'Accept-Encoding': 'br, gzip' } })).headers
  const page = await ask('/guide')
  t.equal(page.get('content-encoding'), 'br')
  t.equal(page.get('vary'), 'accept-encoding')
  t.equal((await ask('/account')).get('content-encoding'), null)
  t.equal((await ask('/wiki/page')).get('content-encoding'), null, 'too short')
})

t.test('admission: what is too much is refused, the rest is answered', async t => {
  const url = await started(t, startAdmission)
  const asked = Array.from({ length: 30 }, () => fetch(`${url}/wiki/page`).then(({ status }) => status))
  const statuses = new Set(await Promise.all(asked))
  t.ok(statuses.has(200))
  t.strictSame(
    [...statuses].filter(status => status !== 200 && status !== 503),
    [],
  )
  t.match(await read(`${url}/numbers`), [{ upstream: 'wiki', limit: 2, mode: 'fixed', inFlight: 0, waiting: 0 }])
})

t.test('batch: one call asks for several things', async t => {
  const url = await started(t, startBatch)
  const requests = [{ path: '/time' }, { method: 'POST', path: '/echo', body: { a: 1 } }]
  const told = await read(`${url}/_hearthgate/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ requests }),
  })
  t.match(told, { responses: [{ status: 200 }, { status: 200, body: /"a":1/ }] })
})

t.test('websocket: messages pass both ways on any path', async t => {
  const url = await started(t, startWebsocket)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/any/path`)
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  socket.send('hello')
  t.equal(String((await once(socket, 'message'))[0]), 'hello')
  t.strictSame(await read(url), { openTunnels: 1 })
})

t.test('access: a path for one machine, and a password for the rest', async t => {
  const url = await started(t, startAccess)
  t.equal((await fetch(`${url}/page`)).status, 401)
  const headers = { Authorization: `Basic ${Buffer.from('joe:correct horse').toString('base64')}` }
  t.strictSame(await read(`${url}/page`, { headers }), { user: 'joe' })
  t.equal((await fetch(`${url}/admin`, { headers })).status, 403)
})

t.test('access-log: one line a request, without its secrets', async t => {
  const line = Promise.withResolvers<string>()
  const url = await started(t, () => startAccessLog({ write: text => line.resolve(text) }))
  await read(`${url}/films/alien?api_key=1234567890`)
  const logged = await line.promise
  t.match(JSON.parse(logged), { method: 'GET', status: 200 })
  t.match(logged, '/films/alien')
  t.notMatch(logged, '1234567890')
})

t.test('metrics: every request is counted, by route', async t => {
  const url = await started(t, startMetrics)
  for (let i = 0; i < 5; i++) await read(`${url}/films/${i}`)
  // The client has the answer a moment before the server knows that it has.
  const counted = /hearthgate_requests_total\{route="\/films\/:title".*\} 5/
  while (!counted.test(await (await fetch(`${url}/metrics`)).text())) await nextTurn()
  const analyses = (await read(`${url}/analysis`)) as { route: string }[]
  t.match(
    analyses.find(({ route }) => route === '/films/:title'),
    { count: 5, successRate: 1 },
  )
})

t.test('http-proxy: a plain @fastify/http-proxy over our dispatcher', async t => {
  const url = await started(t, startHttpProxy)
  for (let i = 0; i < 4; i++) t.match(await read(`${url}/wiki/page/${i}`), { path: `/page/${i}` })
})

t.test('every example runs by itself and ends on SIGINT', async t => {
  const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
  const files = readdirSync(folder).filter(file => file.endsWith('.ts') && file !== 'sample-app.ts')
  t.strictSame(files.sort(), [
    'access-log.ts',
    'access.ts',
    'admission.ts',
    'batch.ts',
    'cache.ts',
    'compression.ts',
    'http-proxy.ts',
    'metrics.ts',
    'proxy.ts',
    'rate-limit.ts',
    'retry.ts',
    'tuner.ts',
    'upstream.ts',
    'websocket.ts',
  ])
  await Promise.all(
    files.map(async file => {
      const child = spawn(process.execPath, [folder + file], { stdio: ['ignore', 'pipe', 'inherit'] })
      t.teardown(() => child.kill('SIGKILL'))
      const [printed] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
      t.equal(child.exitCode, null, `${file} has started`)
      if (child.exitCode !== null) return
      t.match(String(printed), /listening on http:\/\/127\.0\.0\.1:\d+/, file)
      const exited = once(child, 'exit')
      child.kill('SIGINT')
      t.strictSame(await exited, [0, null], `${file} ended by itself`)
    }),
  )
})
