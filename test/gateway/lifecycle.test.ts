/**
 * The life of a gateway as scripts see it: ready line, exit codes, drain. As a process of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { selfSigned } from '../support/certificates.ts'
import { base } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type Script } from '../support/raw-origin.ts'
import { eventually, get, originFor, route } from './support.ts'

const ok: Script = (request, socket) => void socket.write(answer(200, {}, request.target))

t.test('start says where it listens, writes where its admin is, and ends with 0 after SIGTERM', async t => {
  const origin = await originFor(t, ok)
  const gateway = await gatewayProcess(t, `${base}state_dir: ./st\nroutes:\n${route('app', '/', origin.url)}`)
  t.equal((await exchange(gateway.port, get('/x'))).body.toString(), '/x')
  const runtime = JSON.parse(readFileSync(join(gateway.folder, 'st/runtime.json'), 'utf8'))
  t.equal(runtime.admin, gateway.admin)
  t.equal(runtime.pid, gateway.child.pid)
  gateway.child.kill('SIGTERM')
  const [code] = await once(gateway.child, 'exit')
  t.equal(code, 0)
  t.notOk(existsSync(join(gateway.folder, 'st/runtime.json')))
})

t.test('a stop lets requests end, ends event streams after two seconds and takes no new ones', async t => {
  const origin = await originFor(t, (request, socket) => {
    if (request.target === '/slow') setTimeout(() => socket.write(answer(200, {}, 'done')), 1_000)
    else socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const gateway = await gatewayProcess(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  const slow = new RawClient(gateway.port).send(get('/slow'))
  const stream = new RawClient(gateway.port).send(get('/events'))
  t.teardown(() => [slow, stream].forEach(client => void client.close()))
  await stream.until(text => text.includes('data: 1'))
  const stopped = performance.now()
  gateway.child.kill('SIGTERM')
  const { status, headers } = await slow.answer()
  t.equal(status, 200)
  t.equal(headers.connection, 'close')
  const [code] = await once(gateway.child, 'exit')
  t.equal(code, 0)
  const took = performance.now() - stopped
  t.ok(took > 1_500 && took < 9_000, `took ${Math.round(took)} ms`)
  await t.rejects(exchange(gateway.port, get()))
})

const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const endless = [
  ['an event stream', '', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n'],
  ['a tunnel', upgrade, 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
] as const
for (const [kind, more, head] of endless) {
  t.test(`${kind} whose head comes one second after the stop does not hold it up`, { timeout: 200_000 }, async t => {
    const origin = await originFor(t, (_request, socket) => {
      gateway.child.kill('SIGTERM')
      setTimeout(() => socket.write(head), 1_000)
    })
    const gateway = await gatewayProcess(t, `${base}routes:\n${route('app', '/', origin.url)}`)
    const client = new RawClient(gateway.port).send(get('/', more))
    t.teardown(() => client.close())
    const sent = performance.now()
    const [code] = await once(gateway.child, 'exit')
    t.equal(code, 0)
    const took = performance.now() - sent
    t.ok(took > 1_900 && took < 9_000, `took ${Math.round(took)} ms`)
    t.ok(client.received.toString('latin1').startsWith(head.slice(0, 12)), 'the client has got the head')
  })
}

t.test('a tunnel that still connects to its origin at the stop does not hold it up', { timeout: 200_000 }, async t => {
  const secure = tls.createServer({ ...selfSigned('app.test'), ALPNProtocols: ['http/1.1'] }, socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(endless[1][2]))
  })
  const origin = net.createServer(socket => {
    t.teardown(() => socket.destroy())
    gateway.child.kill('SIGTERM')
    setTimeout(() => secure.emit('connection', socket), 1_000)
  })
  origin.listen(0, '127.0.0.1')
  t.teardown(() => origin.close())
  await once(origin, 'listening')
  const url = `https://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const more = 'connection_pools: { min_size: 0 }, tls: { verify: false }'
  const gateway = await gatewayProcess(t, `${base}routes:\n  - { name: app, upstream: "${url}", ${more} }\n`)
  const client = new RawClient(gateway.port).send(get('/', upgrade))
  t.teardown(() => client.close())
  const sent = performance.now()
  const [code] = await once(gateway.child, 'exit')
  t.equal(code, 0)
  t.ok(performance.now() - sent < 9_000)
  t.match(client.received.toString('latin1'), 'HTTP/1.1 101')
})

t.test('SIGHUP while it drains changes nothing; /readyz says 503 then', async t => {
  let release = () => {}
  const origin = await originFor(t, (_request, socket) => {
    release = () => void socket.write(answer(200, {}, 'done'))
  })
  const gateway = await gatewayProcess(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  const ready = async () => {
    const { status, body } = await exchange(
      Number(new URL(gateway.admin).port),
      get('/readyz', '').replace('Host: a', 'Host: localhost'),
    )
    return [status, JSON.parse(body.toString())]
  }
  t.strictSame(await ready(), [200, { status: 'ready', generation: 1 }])
  const waiting = new RawClient(gateway.port).send(get())
  t.teardown(() => waiting.close())
  await eventually(() => origin.requests.length === 1)
  gateway.child.kill('SIGTERM')
  await eventually(async () => (await ready())[0] === 503)
  gateway.child.kill('SIGHUP')
  t.strictSame(await ready(), [503, { status: 'draining', generation: 1 }])
  release()
  t.equal((await waiting.answer()).status, 200)
  t.strictSame(await once(gateway.child, 'exit'), [0, null])
})

t.test('a second signal ends it at once', async t => {
  const origin = await originFor(t, () => {})
  const gateway = await gatewayProcess(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  const waiting = new RawClient(gateway.port).send(get())
  t.teardown(() => waiting.close())
  await eventually(() => origin.requests.length === 1)
  gateway.child.kill('SIGTERM')
  await eventually(() =>
    exchange(gateway.port, get()).then(
      () => false,
      () => true,
    ),
  )
  const sent = performance.now()
  gateway.child.kill('SIGTERM')
  await once(gateway.child, 'exit')
  t.ok(performance.now() - sent < 5_000)
})

t.test('a bad configuration refuses the start with 78 and every mistake at its place', async t => {
  const { code, stderr } = await startAndExit(
    t,
    `${base}routes:\n  - name: wiki\n    upstream: http://127.0.0.1:1\n    timout: 3s\n  - name: wiki\n`,
  )
  t.equal(code, 78)
  t.match(stderr, /gateway\.yaml:8:5 route 'wiki': unknown key "timout"/)
  t.match(stderr, /gateway\.yaml:9:\d+ route 'wiki': /)
})

t.test('H2: with --partial a faulty route answers 503 and the others are served', async t => {
  const origin = await originFor(t, ok)
  const yaml = `${base}routes:\n${route('good', '/good', origin.url)}  - { name: bad, match: { path: /bad }, upstream: "ftp://x" }\n`
  t.equal((await startAndExit(t, yaml)).code, 78)
  const gateway = await gatewayProcess(t, yaml, ['--partial'])
  t.equal((await exchange(gateway.port, get('/good'))).status, 200)
  const bad = await exchange(gateway.port, get('/bad'))
  t.equal(bad.status, 503)
  t.match(JSON.parse(bad.body.toString()), { code: 'HG_ROUTE_FAULT' })
  t.equal(bad.headers['proxy-status'], 'hearthgate; error=proxy_configuration_error')
})

t.test('an old Node gets one clear line and 78', async t => {
  const old = '/usr/bin/node'
  const versionOf = spawn(old, ['--version'])
  let version = ''
  versionOf.on('error', () => {})
  versionOf.stdout?.on('data', chunk => {
    version += chunk
  })
  await once(versionOf, 'close').catch(() => {})
  if (!version.startsWith('v20')) {
    t.pass('there is no old Node on this machine to try it with')
    return
  }
  const dist = fileURLToPath(new URL('../../dist/gateway/main.js', import.meta.url))
  const child = spawn(old, [dist, 'start'])
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  t.equal(code, 78)
  t.equal(stderr.trim().split('\n').length, 1)
  t.match(stderr, /needs Node 22\.19 or newer/)
})

async function startAndExit(t: Test, yaml: string): Promise<{ code: number; stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'gateway.yaml'), yaml)
  const main = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, 'start'], { cwd: folder })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}
