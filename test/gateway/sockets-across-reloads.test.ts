/**
 * Demand C3: a reload does not kick sockets of routes that it does not touch; and what lives on through it.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { base, startGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

async function echoServer(t: Test): Promise<string> {
  const server = http.createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const yaml = (...routes: [string, string, string?][]) =>
  `${base}routes:\n${routes.map(([name, url, more = '']) => `  - { name: ${name}, match: { path: /${name} }, upstream: "${url}"${more} }\n`).join('')}`

async function openSockets(t: Test, url: string, count: number): Promise<WebSocket[]> {
  const sockets = Array.from({ length: count }, () => new WebSocket(url))
  t.teardown(() => sockets.forEach(socket => void socket.terminate()))
  await Promise.all(sockets.map(socket => once(socket, 'open')))
  return sockets
}

t.test('C3: 200 sockets on A stay while B is added, edited and removed', async t => {
  const origin = await echoServer(t)
  const gateway = await startGateway(t, yaml(['a', origin]))
  const sockets = await openSockets(t, `ws://127.0.0.1:${gateway.port}/a/ws`, 200)
  let closed = 0
  for (const socket of sockets) socket.on('close', () => closed++)
  t.ok(await gateway.rewrite(yaml(['a', origin], ['b', origin])))
  t.ok(await gateway.rewrite(yaml(['a', origin], ['b', origin, ', connection_pools: { max_size: 3 }'])))
  t.ok(await gateway.rewrite(yaml(['a', origin])))
  const echoes = sockets.map(async (socket, i) => {
    socket.send(`hello ${i}`)
    const [data] = await once(socket, 'message')
    return data.toString() === `hello ${i}`
  })
  t.ok((await Promise.all(echoes)).every(Boolean))
  t.equal(closed, 0)
})

t.test('sockets of a removed route are told 1001 when the gateway closes, not before', async t => {
  const origin = await echoServer(t)
  const gateway = await startGateway(t, yaml(['a', origin], ['b', origin]))
  const [socket] = await openSockets(t, `ws://127.0.0.1:${gateway.port}/b/ws`, 1)
  t.ok(await gateway.rewrite(yaml(['a', origin])))
  socket?.send('still here')
  const [data] = await once(socket as WebSocket, 'message')
  t.equal(data.toString(), 'still here')
  const closed = once(socket as WebSocket, 'close')
  await gateway.gateway.close(5_000)
  t.equal((await closed)[0], 1001)
})

t.test('kept connections of untouched routes are used again after a reload, and running requests end well', async t => {
  const origin = await rawOrigin((request, socket) => {
    setTimeout(() => socket.write(answer(200, {}, request.target)), request.target === '/a/slow' ? 600 : 0)
  })
  t.teardown(() => origin.close())
  const gateway = await startGateway(t, yaml(['a', origin.url, ', connection_pools: { min_size: 0 }']))
  const client = new RawClient(gateway.port)
  const slow = new RawClient(gateway.port)
  t.teardown(() => [client, slow].forEach(each => void each.close()))
  const ask = (path: string) => client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).answer()
  await ask('/a/1')
  t.ok(await gateway.rewrite(yaml(['a', origin.url, ', connection_pools: { min_size: 0 }'], ['b', origin.url])))
  await ask('/a/2')
  t.equal(origin.connections, 1)
  slow.send('GET /a/slow HTTP/1.1\r\nHost: a\r\n\r\n')
  while (origin.requests.length < 3) await new Promise(resolve => setTimeout(resolve, 5))
  t.ok(await gateway.rewrite(yaml(['b', origin.url])))
  t.equal((await slow.answer()).body.toString(), '/a/slow')
  t.equal((await ask('/a/3')).status, 404)
})
