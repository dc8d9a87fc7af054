/** Rate limits of routes on the wire: requests and upgrades, before passwords, across reloads, with a Redis between two. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startRedis, until, withoutRedis } from '../plugins/cache/stores/support.ts'
import { selfSigned } from '../support/certificates.ts'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { originFor } from './support.ts'

const head = `${base}trusted_proxies: [127.0.0.1]\n`
const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']

const ask = (port: number, line: string, ...fields: string[]) =>
  exchange(port, `${line} HTTP/1.1\r\nHost: home.test\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`)

const appOrigin = (t: Test) =>
  originFor(t, (request, socket) => {
    const isUpgrade = request.headers['upgrade'] !== undefined
    if (isUpgrade) socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    else socket.write(answer(200, { 'Cache-Control': 'public, max-age=600', RateLimit: '"app";r=7;t=1' }, 'inside'))
  })

const routes = (url: string, limit: string, more = '') =>
  `${head}routes:\n  - { name: app, match: { path: /app }, upstream: "${url}", rate_limit: ${limit}${more} }\n  - { name: free, upstream: "${url}" }\n`

async function behind(t: Test, limit: string, more = '', top = '') {
  const origin = await appOrigin(t)
  const running = await startGateway(t, top + routes(origin.url, limit, more))
  const { port } = running
  const from = (address: string, line: string, ...fields: string[]) =>
    ask(port, line, `X-Forwarded-For: ${address}`, ...fields)
  return { ...running, origin, from, yaml: (other: string) => routes(origin.url, other, more) }
}

t.test('one client too often gets 429, every other client and route goes on', async t => {
  const { from, port, origin, admin, adminUrl } = await behind(t, '{ requests: 3, per: 1h }')
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await from('192.0.2.1', `GET /app/${i}`)
    t.equal(status, 200)
    t.equal(headers['ratelimit'], '"app";r=7;t=1', "the app's own field passes as it came")
  }
  const { status, headers, body } = await from('192.0.2.1', 'GET /app/3')
  t.equal(status, 429)
  t.match(JSON.parse(body.toString()), { statusCode: 429, error: 'Too many requests', code: 'HG_RATE_LIMIT' })
  t.ok(Number(headers['retry-after']) > 3_500 && Number(headers['retry-after']) <= 3_600)
  t.equal(headers['ratelimit-policy'], '"client";q=3;w=3600')
  t.match(headers['ratelimit'], /^"client";r=0;t=3\d\d\d$/)
  t.equal(headers['proxy-status'], 'hearthgate; error=http_request_denied')
  t.equal(headers['cache-control'], 'no-store')
  t.equal(origin.requests.length, 3)

  await t.test('as a page for people', async t => {
    const { status, body } = await from('192.0.2.1', 'GET /app', 'Accept: text/html')
    t.equal(status, 429)
    t.match(body.toString(), /<h1>Too many requests<\/h1>/)
  })

  await t.test('also with a body, out of the store, for an upgrade and for an unknown method', async t => {
    const bytes = `POST /app HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 5\r\n\r\nhello`
    t.equal((await exchange(port, bytes)).status, 429)
    t.equal((await from('192.0.2.1', 'GET /app/0')).status, 429, 'stored, and not given')
    t.equal((await from('192.0.2.1', 'PROPFIND /app/0')).status, 429)
    const upgraded = await from('192.0.2.1', 'GET /app/ws', ...upgrade)
    t.equal(upgraded.status, 429)
    t.ok(Number(upgraded.headers['retry-after']) > 3_500)
    t.match(upgraded.body.toString(), /HG_RATE_LIMIT/)
  })

  await t.test('others and other routes are not touched', async t => {
    t.equal((await from('192.0.2.2', 'GET /app')).status, 200)
    for (let i = 0; i < 5; i++) t.equal((await from('192.0.2.1', 'GET /elsewhere')).status, 200)
  })

  await t.test('it is counted by route', async t => {
    const { signals } = (await admin('/api/stats')) as { signals: Record<string, { labels: object; value: number }[]> }
    t.match(signals['rate_limit_decisions_total'], [
      { labels: { route: 'app', reason: 'within' }, value: 4 },
      { labels: { route: 'app', reason: 'exceeded' }, value: 6 },
    ])
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
    t.match(metrics, 'hearthgate_rate_limit_decisions_total{route="app",reason="exceeded"} 6')
  })
})

t.test('loopback is no exception, and upgrades count', async t => {
  const { port } = await behind(t, '{ requests: 2 }')
  t.equal((await ask(port, 'GET /app/ws', ...upgrade)).status, 101)
  t.equal((await ask(port, 'GET /app')).status, 200)
  t.equal((await ask(port, 'GET /app/ws', ...upgrade)).status, 429)
  t.equal((await ask(port, 'GET /app')).status, 429)
})

t.test('a client cannot be another by what it says, nor by its place in a /64', async t => {
  const { port, from } = await behind(t, '{ requests: 1 }')
  t.equal((await from('2001:db8::1', 'GET /app')).status, 200)
  t.equal((await from('2001:db8::2', 'GET /app')).status, 429)
  const origin = await appOrigin(t)
  const direct = await startGateway(t, routes(origin.url, '{ requests: 1 }').replace('[127.0.0.1]', '[]'))
  t.not(direct.port, port)
  t.equal((await ask(direct.port, 'GET /app', 'X-Forwarded-For: 192.0.2.1')).status, 200)
  t.equal((await ask(direct.port, 'GET /app', 'X-Forwarded-For: 192.0.2.2')).status, 429)
})

t.test('it comes before passwords and other servers, and behind addresses', async t => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(401).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { from, admin } = await behind(
    t,
    '{ requests: 2 }',
    `, access: { deny: [10.0.0.0/8], forward: { url: "${url}" } }`,
  )
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await from('192.0.2.1', 'GET /app')).status)
  t.strictSame(statuses, [401, 401, 429, 429, 429])
  t.equal(asked, 2)
  for (let i = 0; i < 5; i++) t.equal((await from('10.0.0.1', 'GET /app')).status, 403, 'not counted')
  const { signals } = (await admin('/api/stats')) as { signals: Record<string, { value: number }[]> }
  t.equal(
    signals['rate_limit_decisions_total']?.reduce((sum, { value }) => sum + value, 0),
    5,
  )
})

t.test('a reload changes the limit and forgets no count', async t => {
  const { from, rewrite, yaml } = await behind(t, '{ requests: 2 }')
  for (const status of [200, 200, 429]) t.equal((await from('192.0.2.1', 'GET /app')).status, status)
  t.equal(await rewrite(yaml('{ requests: 5 }')), true)
  for (const status of [200, 200, 429]) t.equal((await from('192.0.2.1', 'GET /app')).status, status)
  t.equal(await rewrite(yaml('false')), true)
  for (let i = 0; i < 3; i++) t.equal((await from('192.0.2.1', 'GET /app')).status, 200)
})

/** Statuses of requests that leave in one write, over HTTP/2. */
async function atOnce(port: number, times: number): Promise<number[]> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  await once(session, 'connect')
  const statuses = Array.from({ length: times }, async () => {
    const stream = session.request({ ':path': '/app' })
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }]
    stream.resume()
    return headers[':status']
  })
  const found = await Promise.all(statuses)
  session.destroy()
  return found
}

t.test('many requests at once, over HTTP/2, are counted one by one', async t => {
  const { folder, rewrite, yaml, gateway } = await behind(t, '{ requests: 6 }')
  const { cert, key } = selfSigned('localhost')
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  const tls = 'listen: { host: 127.0.0.1, port: 0, tls: { cert: cert.pem, key: key.pem } }\n'
  t.equal(await rewrite(yaml('{ requests: 6 }').replace(/listen:.*\n/, tls)), true)
  const statuses = await atOnce(Number(new URL(gateway.listen[0] as string).port), 10)
  t.strictSame(statuses.sort(), [...new Array(6).fill(200), ...new Array(4).fill(429)])
})

t.test('each request of a batch counts, and so does the call', async t => {
  const { port } = await behind(t, '{ requests: 3 }', ', batch: true')
  const body = JSON.stringify({ requests: [1, 2, 3].map(id => ({ id, path: `/app/${id}` })) })
  const head = `POST /app/_hearthgate/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`
  const answered = await exchange(port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)
  t.equal(answered.status, 200)
  const { responses } = JSON.parse(answered.body.toString()) as { responses: { status: number }[] }
  t.strictSame(responses.map(({ status }) => status).sort(), [200, 200, 429])
  t.equal((await exchange(port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)).status, 429)
})

t.test('explain names it', async t => {
  const { admin } = await behind(t, '{ requests: 600, by: route }')
  const { decisions } = (await admin('/api/explain?method=GET&url=http://home.test/app')) as {
    decisions: { limits: { name: string }[] }
  }
  t.match(
    decisions.limits.filter(({ name }) => name === 'rate_limit'),
    [{ value: 600, unit: 'requests', meaning: 'of all clients together in 1m; 429 above' }],
  )
})

t.test(
  'two gateways with one Redis count together, and each alone while it is frozen',
  { skip: withoutRedis },
  async t => {
    const redis = await startRedis(t)
    const open = () => behind(t, '{ requests: 4 }', '', `store: ${redis.url}\n`)
    const [a, b] = await Promise.all([open(), open()])
    const answersOf = async (address: string) => {
      const found: number[] = []
      for (const gateway of [a, b, a, b, a, b]) found.push((await gateway.from(address, 'GET /app')).status)
      return found.join()
    }
    const together = [200, 200, 200, 200, 429, 429].join()
    let tries = 0
    const someoneNew = () => `10.0.${++tries >> 8}.${tries & 255}`
    // The connections are made in the background.
    await until(async () => (await answersOf(someoneNew())) === together, 10_000)

    redis.process.kill('SIGSTOP')
    const began = performance.now()
    t.equal(await answersOf('198.51.100.1'), [200, 200, 200, 200, 200, 200].join())
    t.equal(await answersOf('198.51.100.1'), [200, 200, 429, 429, 429, 429].join())
    t.ok(performance.now() - began < 3_000, `${performance.now() - began} ms for twelve requests`)
    redis.process.kill('SIGCONT')
    await until(async () => (await answersOf(someoneNew())) === together, 15_000)
  },
)

t.test('workers with one Redis count together', { skip: withoutRedis }, async t => {
  const [redis, origin] = await Promise.all([startRedis(t), appOrigin(t)])
  const { port } = await gatewayProcess(t, `workers: 2\nstore: ${redis.url}\n${routes(origin.url, '{ requests: 4 }')}`)
  const passed = async (address: string) => {
    // Each on a connection of its own, which the workers take in turn.
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask(port, 'GET /app', `X-Forwarded-For: ${address}`)),
    )
    return answers.filter(({ status }) => status === 200).length
  }
  let tries = 0
  await until(async () => (await passed(`10.1.${++tries >> 8}.${tries & 255}`)) === 4, 10_000)
  for (let i = 0; i < 5; i++) t.equal(await passed(`10.2.0.${i}`), 4)
})
