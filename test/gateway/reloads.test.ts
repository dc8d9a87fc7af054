/**
 * Reloads: what asks for them, under load, in each other's way, and when they meet the end.
 */
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-ports.ts'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin, type Script } from '../support/raw-origin.ts'
import { eventually, generationOf, get, originFor, route } from './support.ts'

const ok: Script = (request, socket) => void socket.write(answer(200, {}, request.target))

t.test('SIGHUP and a changed file reload; a bad file keeps what was, and says why', async t => {
  const origin = await originFor(t, ok)
  const yaml = (path: string) => `${base.replace('silent', 'info')}routes:\n${route('app', path, origin.url)}`
  const gateway = await gatewayProcess(t, yaml('/a'))
  const generation = () => generationOf(gateway)
  t.equal(await generation(), 1)

  writeFileSync(gateway.file, yaml('/b'))
  await eventually(async () => (await generation()) === 2)
  t.strictSame(
    [(await exchange(gateway.port, get('/a'))).status, (await exchange(gateway.port, get('/b'))).status],
    [404, 200],
  )

  writeFileSync(gateway.file, `${yaml('/c')}    nonsense: 1\n`)
  await eventually(() => gateway.log().includes('reload refused'))
  t.equal(await generation(), 2)
  t.equal((await exchange(gateway.port, get('/b'))).status, 200)
  t.match(gateway.log(), /gateway\.yaml:\d+:\d+/)

  writeFileSync(gateway.file, yaml('/b'))
  await eventually(async () => (await generation()) === 3)
  gateway.child.kill('SIGHUP')
  await eventually(async () => (await generation()) === 4)
})

t.test('what waits for a restart is told until it has the value again that runs', async t => {
  const routes = 'routes:\n  - { name: no, deny: true }\n'
  const yaml = (more: string) => `${base.replace('silent', 'info')}${more}${routes}`
  const gateway = await gatewayProcess(t, yaml(''))
  const told: string[][] = []
  const steps = [
    'store_limits: { size: 2GiB }\n',
    'store_limits: { size: 2GiB }\nuplink: 1Mbit/s\n',
    'uplink: 2Mbit/s\n',
  ]
  for (const [i, more] of steps.entries()) {
    writeFileSync(gateway.file, yaml(more))
    await eventually(() => gateway.log().split('configuration reloaded').length === i + 2)
    told.push(
      gateway
        .log()
        .split('configuration reloaded')
        [i]?.match(/\w+(?=: read at the start only)/g) ?? [],
    )
  }
  t.strictSame(told, [['store_limits'], ['store_limits'], []])
})

t.test('reloads under load fail no request', { timeout: 200_000 }, async t => {
  const origin = await originFor(t, ok)
  const yaml = (n: number) =>
    `${base}routes:\n${route('app', '/', origin.url)}${route(`extra${n}`, `/extra${n}`, origin.url)}`
  const gateway = await gatewayProcess(t, yaml(0))
  const total = 5_000
  let done = 0
  const statuses = new Set<number>()
  const worker = async () => {
    const client = new RawClient(gateway.port)
    while (done < total) {
      done++
      statuses.add((await client.send(get(`/r${done}`)).answer()).status)
    }
    client.close()
  }
  const workers = Promise.all(Array.from({ length: 8 }, worker))
  let reloads = 0
  while (done < total) {
    writeFileSync(gateway.file, yaml(++reloads))
    gateway.child.kill('SIGHUP')
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  await workers
  t.strictSame([...statuses], [200])
  t.ok(reloads >= 3, `${reloads} reloads`)
})

/** Long enough for a reload to have read the file, too short for it to have opened a listener. */
async function aMoment(): Promise<void> {
  for (let i = 0; i < 3; i++) await null
}

async function threeOrigins(t: Test) {
  const names = ['one', 'two', 'three']
  return Promise.all(names.map(name => originFor(t, (_request, socket) => void socket.write(answer(200, {}, name)))))
}

t.test('a reload that is asked for during a reload is run after it, once for all who ask', async t => {
  const [one, two, three] = await threeOrigins(t)
  const yaml = (origin: { url: string } | undefined) => `${base}routes:\n${route('app', '/', origin?.url ?? '')}`
  const gateway = await startGateway(t, yaml(one))
  const first = gateway.rewrite(yaml(two))
  await aMoment()
  const second = gateway.rewrite(yaml(three))
  const third = gateway.gateway.reload()
  t.equal(second, third)
  t.ok(await first)
  t.ok(await second)
  t.equal((await exchange(gateway.port, get())).body.toString(), 'three')
  t.equal(await generationOf({ admin: gateway.adminUrl }), 3)
})

t.test('a refused reload does not take the next one with it', async t => {
  const [one, two] = await threeOrigins(t)
  const yaml = (url = '') => `${base}routes:\n${route('app', '/', url)}`
  const gateway = await startGateway(t, yaml(one?.url))
  const bad = gateway.rewrite(`${yaml(one?.url)}nonsense: 1\n`)
  await aMoment()
  const good = gateway.rewrite(yaml(two?.url))
  t.strictSame([await bad, await good], [false, true])
  t.equal((await exchange(gateway.port, get())).body.toString(), 'two')
})

t.test('a close waits for the reload under way, so that no listener of it stays open', async t => {
  const [one] = await threeOrigins(t)
  const routes = `routes:\n${route('app', '/', one?.url ?? '')}`
  const gateway = await startGateway(t, base + routes)
  const port = await freePort()
  const reloading = gateway.rewrite(base.replace('port: 0', `port: ${port}`) + routes)
  await aMoment()
  await gateway.gateway.close(500)
  t.equal(await reloading, true)
  await t.rejects(exchange(port, get()), 'nobody listens there any more')
})

t.test('a reload is refused once a close has begun, and one that waits for its turn too', async t => {
  const [one, two] = await threeOrigins(t)
  const yaml = (url = '') => `${base}routes:\n${route('app', '/', url)}`
  const gateway = await startGateway(t, yaml(one?.url))
  const first = gateway.rewrite(yaml(two?.url))
  await aMoment()
  const waiting = gateway.gateway.reload()
  const closed = gateway.gateway.close(500)
  const late = gateway.gateway.reload()
  t.strictSame([await first, await waiting, await late], [true, false, false])
  await closed
  t.equal(await gateway.gateway.reload(), false)
})

t.test('who waits for an app that is away is told when its route goes, or gets another name', async t => {
  const yaml = (route: string) => `${base}routes:\n  - { ${route}, health: { hold: 60s } }\n`
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: QUFB\r\n'
  for (const after of ['name: other, match: { path: / }', 'name: other, match: { path: /other }']) {
    const gone = await rawOrigin(() => {})
    await gone.close()
    const gateway = await startGateway(t, yaml(`name: app, match: { path: / }, upstream: "${gone.url}"`))
    const clients = ['', upgrade].map(more =>
      new RawClient(gateway.port).send(`GET / HTTP/1.1\r\nHost: a\r\n${more}\r\n`),
    )
    const metrics = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text()
    await eventually(async () => /^hearthgate_retry_held\{[^}]*\} 2$/m.test(await metrics()))
    t.ok(await gateway.rewrite(yaml(`${after}, upstream: "${gone.url}"`)))
    for (const client of clients) t.match((await client.answer('GET', 3_000)).status, /^50[23]$/, after)
  }
})

t.test('who waits for a place, or for a further attempt, is served although the route gets another name', async t => {
  const yaml = (name: string, more: string, url: string) =>
    `${base}routes:\n  - { name: ${name}, match: { path: / }, upstream: "${url}", cache: false, ${more} }\n`
  const cases = [
    { waits: 'a place', more: 'admission: { max_concurrency: 1, queue: 10, queue_timeout: 5s }', failures: 0 },
    { waits: 'an attempt', more: 'retry: { statuses: [503] }', failures: 1 },
  ]
  for (const { waits, more, failures } of cases) {
    let asked = 0
    const origin = await originFor(t, ({ target }, socket) => {
      if (asked++ < failures) socket.write(answer(503, { 'Retry-After': '1' }, 'later'))
      else setTimeout(() => socket.write(answer(200, {}, target)), 300)
    })
    const { port, rewrite } = await startGateway(t, yaml('app', more, origin.url))
    const clients = ['/a', '/b'].map(path => new RawClient(port).send(get(path)))
    await eventually(() => asked > failures)
    t.ok(await rewrite(yaml('other', more, origin.url)))
    for (const client of clients) t.equal((await client.answer()).status, 200, waits)
  }
})

t.test('an attempt that fails after the route got another name is followed by another one', async t => {
  const yaml = (name: string, url: string) =>
    `${base}routes:\n  - { name: ${name}, match: { path: / }, upstream: "${url}", cache: false }\n`
  const failures = {
    'a 503': (socket: Socket) => socket.write(answer(503, {}, 'later')),
    'a reset': (socket: Socket) => socket.resetAndDestroy(),
  }
  for (const [name, fail] of Object.entries(failures)) {
    const running = Promise.withResolvers<Socket>()
    const origin = await originFor(t, (_request, socket) => {
      if (origin.requests.length === 1) running.resolve(socket)
      else socket.write(answer(200, {}, 'whole'))
    })
    const { port, rewrite } = await startGateway(t, yaml('app', origin.url))
    const client = new RawClient(port).send(get('/'))
    const socket = await running.promise
    t.ok(await rewrite(yaml('other', origin.url)))
    fail(socket)
    t.equal((await client.answer()).status, 200, name)
  }
})
