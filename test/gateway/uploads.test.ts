/**
 * Demands A of users: uploads through the whole gateway. Times are scaled down, the rules are the same.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

const ignore = () => {}

function route(url: string, more = ''): string {
  return `routes:\n  - name: photos\n    upstream: ${url}\n${more}`
}

async function echoOrigin(t: Test) {
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(body => socket.write(answer(200, {}, String(body.length))), ignore)
  })
  t.teardown(() => origin.close())
  return origin
}

t.test('A1: a trickled upload is never cut by a clock, however long it takes', async t => {
  const origin = await echoOrigin(t)
  const limits = 'limits: { body_idle: 1s, keep_alive: 1s, write_idle: 1s, header_timeout: 1s }\n'
  const { port } = await startGateway(
    t,
    `${base}${limits}${route(origin.url, '    limits: { response_timeout: 1s, idle_timeout: 1s }\n')}`,
  )
  const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n')
  t.teardown(() => client.close())
  for (let i = 0; i < 8; i++) {
    await new Promise(resolve => setTimeout(resolve, 400))
    client.send('x')
  }
  const { status, body } = await client.answer('POST')
  t.strictSame([status, body.toString()], [200, '8'])
})

t.test(
  'A1: an upload that stands still ends with 408 after the idle limit, and the origin never sees it whole',
  async t => {
    const origin = await echoOrigin(t)
    const { port } = await startGateway(t, `${base}limits: { body_idle: 500ms }\n${route(origin.url)}`)
    const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nten bytes.')
    t.teardown(() => client.close())
    const { status, body } = await client.answer('POST')
    t.equal(status, 408)
    t.match(JSON.parse(body.toString()), { code: 'HG_BODY_STALLED' })
    await client.whenClosed()
    await t.rejects(origin.requests[0]?.complete as Promise<Buffer>)
  },
)

t.test('A2: a limit answers 413 that names route and limit, by length and in mid-stream', async t => {
  const origin = await echoOrigin(t)
  const { port } = await startGateway(t, `${base}${route(origin.url, '    limits: { body_size: 5MB }\n')}`)

  await t.test('by Content-Length, before anything is sent up', async t => {
    const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 5000001\r\n\r\n')
    t.teardown(() => client.close())
    const { status, body } = await client.answer('POST')
    t.equal(status, 413)
    t.match(JSON.parse(body.toString()).message, /5000000 bytes.*"photos"/)
    t.equal(origin.requests.length, 0)
  })

  await t.test('chunked, when the limit is passed', async t => {
    const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    t.teardown(() => client.close())
    const chunk = Buffer.concat([Buffer.from('f4240\r\n'), Buffer.alloc(1_000_000), Buffer.from('\r\n')])
    for (let i = 0; i < 6; i++) client.send(chunk)
    const { status } = await client.answer('POST')
    t.equal(status, 413)
    await t.rejects(origin.requests.at(-1)?.complete as Promise<Buffer>)
  })

  await t.test('a body below it passes', async t => {
    const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 4900000\r\n\r\n')
    t.teardown(() => client.close())
    const { status, body } = await client.send(Buffer.alloc(4_900_000)).answer('POST')
    t.strictSame([status, body.toString()], [200, '4900000'])
  })
})

t.test('A3: the first byte is at the origin as soon as it was sent, not when the upload is whole', async t => {
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(() => socket.write(answer(200, {}, 'ok')), ignore)
  })
  t.teardown(() => origin.close())
  const { port } = await startGateway(t, `${base}${route(origin.url)}`)
  const client = new RawClient(port).send('POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 131072\r\n\r\n')
  t.teardown(() => client.close())
  client.send(Buffer.alloc(65_536))
  const deadline = Date.now() + 2_000
  while ([...origin.sockets].reduce((sum, socket) => sum + socket.bytesRead, 0) < 65_536) {
    if (Date.now() > deadline) throw new Error('the first half did not arrive before the second was sent')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const { status } = await client.send(Buffer.alloc(65_536)).answer('POST')
  t.equal(status, 200)
})

/** Several times what memory may grow by; what the app and the test read of it they also sum up. */
const UPLOAD_BYTES = process.env['HG_LONG'] === '1' ? 2_000_000_000 : 500_000_000

t.test(
  `A2, A3: an upload of ${UPLOAD_BYTES / 1e9} GB arrives byte for byte and grows memory by less than 64 MiB`,
  { timeout: 200_000 },
  async t => {
    const size = UPLOAD_BYTES
    const hash = createHash('md5')
    let received = 0
    const origin = http.createServer((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length
        hash.update(chunk)
      })
      request.on('end', () => response.end(String(received)))
    })
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    t.teardown(() => origin.close())
    const gateway = await gatewayProcess(
      t,
      `${base}${route(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`)}`,
    )
    const before = gateway.rssBytes()
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, gateway.rssBytes())
    }, 50)
    const piece = Buffer.alloc(1_000_000, 'sparse ')
    const request = http.request({ port: gateway.port, method: 'PUT', path: '/f', headers: { 'content-length': size } })
    const answered = once(request, 'response')
    for (let sent = 0; sent < size; sent += piece.length) {
      if (!request.write(piece)) await once(request, 'drain')
    }
    request.end()
    const [response] = await answered
    clearInterval(watch)
    response.resume()
    const wanted = createHash('md5')
    for (let sent = 0; sent < size; sent += piece.length) wanted.update(piece)
    t.equal(response.statusCode, 200)
    t.equal(received, size)
    t.equal(hash.digest('hex'), wanted.digest('hex'))
    t.ok(peak - before < 64 * 1024 ** 2, `grew by ${Math.round((peak - before) / 1024 ** 2)} MiB`)
  },
)

t.test('A4: an early 413 and an early 401 come through within a second, for both framings', async t => {
  for (const [status, framing] of [
    [413, 'Content-Length: 50000000'],
    [401, 'Transfer-Encoding: chunked'],
  ] as const) {
    const origin = await rawOrigin((_request, socket) => {
      socket.write(answer(status, { Connection: 'close' }, 'early'), () => setTimeout(() => socket.destroy(), 20))
    })
    t.teardown(() => origin.close())
    const { port } = await startGateway(t, `${base}${route(origin.url)}`)
    const client = new RawClient(port).send(`POST /u HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`)
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    const feed = setInterval(() => client.socket.writable && client.send(chunk), 5)
    t.teardown(() => {
      clearInterval(feed)
      client.close()
    })
    const started = performance.now()
    const got = await client.answer('POST')
    t.equal(got.status, status)
    t.equal(got.body.toString(), 'early')
    t.ok(performance.now() - started < 1_000)
  }
})

t.test('A5: Expect: 100-continue gets its 100 only when an origin is there, else the final answer at once', async t => {
  const origin = await echoOrigin(t)
  const gone = net.createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port: dead } = gone.address() as AddressInfo
  gone.close()
  const yaml = `${base}routes:
  - { name: up, match: { path: /up }, upstream: "${origin.url}" }
  - { name: down, match: { path: /down }, upstream: "http://127.0.0.1:${dead}", health: { hold: none } }
  - { name: small, match: { path: /small }, upstream: "${origin.url}", limits: { body_size: 3 B } }
`.replace('3 B', '3B')
  const { port } = await startGateway(t, yaml)
  const ask = (path: string) => {
    const client = new RawClient(port)
    t.teardown(() => client.close())
    return client.send(`PUT ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
  }
  const up = ask('/up')
  await up.until(text => text === 'HTTP/1.1 100 Continue\r\n\r\n')
  t.equal((await up.send('hello').answer('PUT')).status, 200)
  const down = ask('/down')
  await down.until(text => text.startsWith('HTTP/1.1 502'))
  const small = ask('/small')
  await small.until(text => text.startsWith('HTTP/1.1 413'))
})

t.test('A6: an answer that is long in coming is waited for as long as the route says', async t => {
  const origin = await rawOrigin((_request, socket) => void setTimeout(() => socket.write(answer(201, {}, '')), 1_500))
  t.teardown(() => origin.close())
  const more = '    limits: { response_timeout: 1h, idle_timeout: 300ms }\n'
  const limits = 'limits: { keep_alive: 300ms, header_timeout: 300ms, body_idle: 300ms, write_idle: 300ms }\n'
  const { port } = await startGateway(t, `${base}${limits}${route(origin.url, more)}`)
  const client = new RawClient(port).send('MOVE /dav/a HTTP/1.1\r\nHost: a\r\nDestination: http://a/dav/b\r\n\r\n')
  t.teardown(() => client.close())
  t.equal((await client.answer('MOVE')).status, 201)
})
