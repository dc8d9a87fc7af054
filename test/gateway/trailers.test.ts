/** Trailers (RFC 9110 §6.5) through a whole gateway: those of answers pass, those of requests are dropped. */
import { once } from 'node:events'
import { type ClientHttp2Stream, connect } from 'node:http2'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { pem } from './listeners/support.ts'
import { originFor } from './support.ts'

const { cert, key } = pem('localhost')
const ignore = () => {}

async function startBoth(t: Test) {
  const seen: string[] = []
  const origin = await originFor(t, (request, socket) => {
    socket.on('data', chunk => seen.push(chunk.toString('latin1')))
    const text = `5\r\nhello\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=b\r\n\r\n`
    const lines: Record<string, string> = { '/announced': 'Trailer: X-Sum', '/stored': 'Cache-Control: max-age=60' }
    const head = request.target in lines ? `${lines[request.target]}\r\n` : ''
    const whole = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${head}Transfer-Encoding: chunked\r\n\r\n${text}`
    request.complete.then(() => socket.write(request.method === 'GET' ? whole : answer(200, {}, 'ok')), ignore)
  })
  const { ports } = await startGateway(
    t,
    `
listen:
  - { host: 127.0.0.1, port: 0 }
  - { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes: [{ name: files, upstream: "${origin.url}" }]
`,
  )
  const client = new RawClient(ports[0] as number)
  const session = connect(`https://localhost:${ports[1]}`, { rejectUnauthorized: false })
  session.on('error', ignore)
  t.teardown(() => {
    client.close()
    session.destroy()
  })
  return { client, session, origin, seen }
}

async function trailersOf(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  let trailers = {}
  stream.on('trailers', got => {
    trailers = Object.fromEntries(Object.entries(got))
  })
  stream.resume()
  await once(stream, 'close')
  return trailers
}

t.test('trailers of an answer reach the client, but for those that a merging receiver would act on', async t => {
  const { client, session } = await startBoth(t)
  for (const target of ['/announced', '/sudden']) {
    const got = await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).answer()
    t.strictSame([got.body.toString(), got.trailers], ['hello', ['X-Sum: 7']], `HTTP/1.1 ${target}`)
    t.strictSame(await trailersOf(session.request({ ':path': target })), { 'x-sum': '7' }, `HTTP/2 ${target}`)
  }
  const encoded = 'GET /announced HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n'
  t.strictSame(
    (await client.send(encoded).answer()).trailers,
    ['X-Sum: 7'],
    'announced ones keep it from being encoded',
  )
})

t.test('HTTP/1.0 gets none, nor whoever is answered from the store', async t => {
  const { client } = await startBoth(t)
  const got = await client.send('GET /announced HTTP/1.0\r\nHost: a\r\n\r\n').answer()
  t.strictSame([got.body.toString(), got.trailers, got.headers['trailer']], ['hello', [], undefined])

  const stored = await startBoth(t)
  const ask = () => stored.client.send('GET /stored HTTP/1.1\r\nHost: a\r\n\r\n').answer()
  t.strictSame((await ask()).trailers, ['X-Sum: 7'])
  const again = await ask()
  t.match(again.headers['cache-status'], /hit/)
  t.strictSame([again.body.toString(), again.trailers], ['hello', []])
})

t.test('trailers of a request are dropped, with the field that announces them', async t => {
  const { client, session, origin, seen } = await startBoth(t)
  const head = 'POST /h1 HTTP/1.1\r\nHost: a\r\nTrailer: X-Secret\r\nTransfer-Encoding: chunked\r\n\r\n'
  for (const size of [5, 100_000]) {
    const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
    const got = await client.send(`${head}${chunk}0\r\nX-Secret: 1\r\n\r\n`).answer('POST')
    t.equal(got.status, 200, `HTTP/1.1, ${size} bytes`)

    const fields = { ':method': 'POST', ':path': '/h2', trailer: 'x-secret' }
    const stream = session.request(fields, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-secret': '1' }))
    stream.end('x'.repeat(size))
    await trailersOf(stream)
  }
  t.strictSame(
    origin.requests.map(({ body, headers }) => [body.length || Number(headers['content-length']), headers['trailer']]),
    [5, 5, 100_000, 100_000].map(size => [size, undefined]),
  )
  t.notMatch(seen.join(''), /secret/i)
})
