import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type net from 'node:net'
import { Readable } from 'node:stream'
import tls from 'node:tls'
import t from 'tap'
import { connect, exchange, get, post } from './support.ts'

const cert = readFileSync(new URL('../../../support/certs/localhost.cert.pem', import.meta.url))
const key = readFileSync(new URL('../../../support/certs/localhost.key.pem', import.meta.url))

async function connectTls(t: { teardown(fn: () => unknown): void }, script: (socket: tls.TLSSocket) => void) {
  const server = tls.createServer({ cert, key }, socket => {
    socket.on('error', () => {})
    script(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  return connect(t, port, {}, socket)
}

t.test('requests, uploads and reuse work the same over TLS', async t => {
  let received = 0
  const { connection, told } = await connectTls(t, socket => {
    socket.on('data', piece => {
      received += piece.length
      if (piece.toString('latin1').startsWith('GET') || piece.toString('latin1').endsWith('0\r\n\r\n')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
      }
    })
  })
  t.match(await exchange(connection), { body: 'hello', calls: ['start', 'sent', 'head 200', 'data', 'end'] })
  const pieces = Array.from({ length: 50 }, () => Buffer.alloc(30_000, 'a'))
  t.match(await exchange(connection, post(Readable.from(pieces), null)), { body: 'hello', failure: null })
  t.ok(received > 1_500_000)
  t.match(await exchange(connection, get()), { body: 'hello' })
  t.strictSame(told, ['free', 'free', 'free'])
})

t.test('a cut answer over TLS is incomplete', async t => {
  const { connection } = await connectTls(t, socket => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'))
  })
  t.match(await exchange(connection), { body: 'hello', failure: 'incomplete' })
})
