import { once } from 'node:events'
import { Duplex } from 'node:stream'
import t from 'tap'
import { WebSocket } from 'ws'
import { contractOf, OptionsError } from '../../../plugins/contract/index.ts'
import websocket from '../../../plugins/websocket/index.ts'
import { Sweep } from '../../../plugins/websocket/sweep.ts'
import { Tunnel } from '../../../plugins/websocket/tunnel.ts'
import type { TunnelSummary } from '../../../plugins/websocket/tunnel-options.ts'
import {
  connectRaw,
  listenRaw,
  listenWs,
  readAll,
  readHead,
  SWITCH,
  startGateway,
  until,
  upgradeRequest,
} from './rig.ts'

/** Both ends of a tunnel as streams in memory, so that the clock can be a fake one. */
function memoryTunnel(idleMs: number | null) {
  const ends: TunnelSummary[] = []
  const written = { up: '', down: '' }
  const end = (direction: 'up' | 'down') =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        written[direction] += chunk.toString('latin1')
        done()
      },
    })
  const client = end('down')
  const upstream = end('up')
  const sweep = new Sweep()
  const tunnel = new Tunnel({
    ...{ client, upstream, sweep, idleMs, head: Buffer.alloc(0), request: { path: '/', headers: [] } },
    ...{ headTimeoutMs: 60_000, maxHeadBytes: 65536, keepAliveMs: 30_000, meters: null },
    ...{ routeName: 'r', upstreamName: 'u' },
    onOpen() {},
    onFailure() {},
    onEnd: summary => void ends.push(summary),
  })
  tunnel.start()
  upstream.push(SWITCH)
  return { tunnel, client, upstream, sweep, ends, written }
}

const PING = Buffer.from([0x89, 0])
const PONG = Buffer.from([0x8a, 0x80, 1, 2, 3, 4])
const turn = () => new Promise<void>(resolve => process.nextTick(() => process.nextTick(resolve)))

t.test('C1: a socket with nothing but pings lives an hour under an idle limit, and no ping is swallowed', async t => {
  t.clock.enter()
  const { tunnel, client, upstream, written } = memoryTunnel(60_000)
  await turn()
  t.ok(tunnel.isOpen)
  written.up = written.down = ''
  for (let minute = 0; minute < 60 * 2; minute++) {
    t.clock.advance(30_000)
    upstream.push(PING)
    await turn()
    client.push(PONG)
    await turn()
  }
  t.ok(tunnel.isOpen)
  t.strictSame([written.down.length, written.up.length], [120 * PING.length, 120 * PONG.length])
})

t.test('an idle tunnel is closed with 1001 after its limit, not before', async t => {
  t.clock.enter()
  const { tunnel, client, upstream, written, ends, sweep } = memoryTunnel(60_000)
  await turn()
  written.up = written.down = ''
  t.clock.advance(59_000)
  t.equal(written.down, '')
  t.clock.advance(3_000)
  await turn()
  t.equal(written.down, '\x88\x02\x03\xe9')
  t.equal(written.up.length, 8)
  client.push(null)
  upstream.push(null)
  await tunnel.ended
  t.match(ends, [{ reason: 'idle', status: 101 }])
  t.notOk(sweep.running)
})

t.test('C1: without an idle limit no timer runs, and a day of silence changes nothing', async t => {
  t.clock.enter()
  const { tunnel, sweep } = memoryTunnel(null)
  t.ok(sweep.running, 'the head timeout')
  await turn()
  t.ok(tunnel.isOpen)
  t.notOk(sweep.running)
  t.clock.advance(86_400_000)
  t.ok(tunnel.isOpen)
})

t.test('a half-closed tunnel ends after 30 s', async t => {
  t.clock.enter()
  const { tunnel, client, ends } = memoryTunnel(null)
  await turn()
  client.push(null)
  await turn()
  await turn()
  t.clock.advance(29_000)
  t.ok(tunnel.isOpen)
  t.clock.advance(2_000)
  await tunnel.ended
  t.match(ends, [{ reason: 'half_closed' }])
})

t.test('the app closes its tunnels with 1001 and ends within two seconds', async t => {
  const originCodes: number[] = []
  const origin = await listenWs(t, ws => {
    ws.on('close', code => void originCodes.push(code))
    ws.on('message', message => ws.send(message))
  })
  const { app, port } = await startGateway(t, origin, { closeGraceMs: 2000 })
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`)
  await once(ws, 'open')
  ws.send('hello')
  await once(ws, 'message')
  const closed = once(ws, 'close')
  const startMs = performance.now()
  await app.close()
  t.ok(performance.now() - startMs < 2000)
  t.equal((await closed)[0], 1001)
  await until(() => originCodes.length === 1)
  t.equal(originCodes[0], 1001)
})

t.test('a Close frame waits for the border of the frame that is under way', async t => {
  let send: (bytes: Buffer) => void = () => {}
  const origin = await listenRaw(t, socket => {
    void readHead(socket).then(() => {
      socket.write(SWITCH)
      send = bytes => void socket.write(bytes)
      socket.resume()
    })
  })
  const { app, port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  await readHead(client)
  send(Buffer.from([0x82, 4, 1, 2]))
  await until(() => [...app.websocket.tunnels][0]!.bytesDown === 4)
  const closing = app.websocket.closeWhere(() => true, 0)
  send(Buffer.from([3, 4, 0x82, 1, 9]))
  t.strictSame([...Buffer.from(await readAll(client), 'latin1')], [0x82, 4, 1, 2, 3, 4, 0x88, 2, 0x03, 0xe9])
  client.end()
  await closing
  t.equal(app.websocket.count, 0)
})

t.test('a peer that ignores the Close frame, or whose frames are unknown, is ended after a second', async t => {
  for (const answer of [SWITCH, SWITCH.replace('websocket', 'other')]) {
    const origin = await listenRaw(
      t,
      socket => void readHead(socket).then(() => socket.write(`${answer}\x82`).valueOf()),
    )
    const { app, port } = await startGateway(t, origin)
    const client = await connectRaw(t, port)
    client.write(upgradeRequest())
    await readHead(client)
    const startMs = performance.now()
    await app.websocket.closeWhere(() => true, 0)
    t.ok(performance.now() - startMs < 1500)
  }
})

t.test('C3: closeWhere leaves other tunnels alone and gives the chosen ones their grace', async t => {
  const origin = await listenWs(t, ws => ws.on('message', message => ws.send(message)))
  const net = await import('node:net')
  const { app, port } = await startGateway(t, origin, {
    resolve: request => ({
      ...{ kind: 'tunnel', routeName: request.url!.slice(1), upstreamName: 'u', path: '/' },
      headers: [...request.rawHeaders],
      connect: async () => net.connect(origin, '127.0.0.1'),
    }),
  })
  const [kept, left, removed] = await Promise.all(
    ['kept', 'removed', 'removed'].map(async route => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/${route}`)
      await once(ws, 'open')
      return ws
    }),
  )
  const codes: (string | number)[] = []
  left!.on('close', code => void codes.push(`left ${code}`))
  removed!.on('close', code => void codes.push(`removed ${code}`))
  const closing = app.websocket.closeWhere(tunnel => tunnel.routeName === 'removed', 200)
  left!.close(1000)
  await closing
  await until(() => codes.length === 2)
  t.strictSame(codes, ['left 1000', 'removed 1001'])
  kept!.send('still here')
  t.equal(String((await once(kept!, 'message'))[0]), 'still here')
  kept!.terminate()
})

t.test('an upgrade that is under way when the app closes is answered with 503', async t => {
  const origin = await listenRaw(t, socket => socket.resume())
  const { app, port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  await until(() => app.websocket.count === 1)
  const answer = readAll(client)
  await Promise.all([app.close(), answer.then(() => client.end())])
  t.match(await answer, /^HTTP\/1.1 503 .*\r\nRetry-After: 1\r\n/s)
})

t.test('tunnels and their bytes are counted by route, upstream and direction', async t => {
  const origin = await listenWs(t, ws => ws.on('message', message => ws.send(message)))
  const { app, port } = await startGateway(t, origin)
  const value = (name: string) => {
    const signal = [...contractOf(app).signals.numbers()].find(({ spec }) => spec.name === name)
    return signal && [...signal.series()].map(({ labels, point }) => [...labels, point.value])
  }
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`)
  await once(ws, 'open')
  ws.send('12345')
  await once(ws, 'message')
  t.strictSame(value('websocket_open'), [['app', 'app', 1]])
  t.strictSame(value('websocket_bytes_total'), [
    ['app', 'app', 'up', 11],
    ['app', 'app', 'down', 7],
  ])
  ws.close()
  await until(() => app.websocket.count === 0)
  t.strictSame(value('websocket_open'), [['app', 'app', 0]])
  t.strictSame(value('websocket_opened_total'), [['app', 'app', 1]])
})

t.test('options are checked at registration', async t => {
  const { default: fastify } = await import('fastify')
  const bad = [{}, { upstream: 'no such plugin' }, { upstream: '', idleMs: 0 }, { upstream: 'a', idle: 5 }]
  for (const options of bad) {
    const register = async () => {
      await fastify().register(websocket, options as object)
    }
    await t.rejects(register(), OptionsError)
  }
})
