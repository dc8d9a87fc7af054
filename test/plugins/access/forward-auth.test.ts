/** The server that knows who may come in, when it does not do what it should. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { gzipSync } from 'node:zlib'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { access } from '../../../plugins/access/index.ts'

async function guarded(t: Test, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const lines: string[] = []
  const stream = new PassThrough().on('data', line => lines.push(String(line)))
  const app = Fastify({ logger: { level: 'warn', stream } })
  const url = `http://127.0.0.1:${port}/check?secret=1`
  await app.register(access, { forward: { url, fields: ['Remote-User'], timeoutMs: 300 } })
  app.get('/', request => request.access?.set ?? {})
  t.teardown(async () => {
    await app.close()
    server.closeAllConnections()
    server.close()
  })
  return { app, server, lines }
}

t.test('a connection that is torn once is no reason to keep anybody out', async t => {
  let asked = 0
  const { app } = await guarded(t, (request, response) => {
    if (++asked === 2) request.socket.destroy()
    else response.writeHead(200, { 'Remote-User': 'joe' }).end()
  })
  for (let i = 0; i < 2; i++) t.strictSame((await app.inject('/')).json(), { 'Remote-User': 'joe' })
  t.equal(asked, 3)
})

t.test('why it fails is told once in a while, without the secrets of its address', async t => {
  const { app, lines } = await guarded(t, request => request.socket.destroy())
  for (let i = 0; i < 3; i++) t.equal((await app.inject('/')).statusCode, 503)
  t.equal(lines.length, 1)
  t.match(lines[0], /"server":"http:\/\/127\.0\.0\.1:\d+\/check"/)
  t.match(lines[0], /other side closed|ECONNRESET/)
  t.notMatch(lines[0], /secret/)
})

t.test('an answer that does not come keeps the door shut', async t => {
  const { app, lines } = await guarded(t, () => {})
  t.equal((await app.inject('/')).statusCode, 503)
  t.match(lines[0], /no answer within 300 ms/)
  t.notMatch(lines[0], /INDEX_SIZE_ERR/)
})

t.test('a page without an end is not passed on', async t => {
  const { app } = await guarded(t, (_request, response) => {
    response.writeHead(403, { 'Content-Type': 'text/html' })
    response.end(Buffer.alloc(1024 * 1024, 'x'))
  })
  t.equal((await app.inject('/')).statusCode, 503)
})

t.test('a page that comes encoded is told as such', async t => {
  const page = gzipSync('please log in')
  const { app } = await guarded(t, (_request, response) => {
    response.writeHead(401, { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }).end(page)
  })
  const { headers, rawPayload } = await app.inject('/')
  t.match(headers, { 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
  t.ok(rawPayload.equals(page))
})
