/**
 * Demands G and the pages of the gateway's own failures, end to end: what an origin and what a client gets to see.
 */

import { writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { selfSigned } from '../support/certificates.ts'
import { base, startGateway, type TestGateway } from '../support/gateway.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'

const get = (path = '/', more = '', host = 'wiki.home.arpa') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`

async function originFor(t: Test, script: Script = (_request, socket) => void socket.write(answer(200, {}, 'ok'))) {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  return origin
}

const seen = (origin: RawOrigin) => origin.requests.at(-1)?.headers ?? {}

t.test('G1: an untrusted peer is the end of the chain, whatever it says', async t => {
  const origin = await originFor(t)
  const { port } = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}" }\n`)
  const lies =
    'X-Forwarded-For: 6.6.6.6\r\nx-FORWARDED-for: 7.7.7.7\r\nX_Forwarded_For: 8.8.8.8\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n' +
    'X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\nTrue-Client-IP: 6.6.6.6\r\n'
  await exchange(port, get('/', lies))
  const text = JSON.stringify(origin.requests[0]?.lines)
  t.notMatch(text, /6\.6\.6\.6|7\.7\.7\.7|8\.8\.8\.8|evil\.test/)
  t.match(seen(origin), {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'wiki.home.arpa',
    'x-forwarded-port': String(port),
    'x-real-ip': '127.0.0.1',
    forwarded: 'for=127.0.0.1;host=wiki.home.arpa;proto=http',
  })
})

t.test('HTTP/1.0 without a Host is for the address that was dialled; HTTP/1.1 has to say it', async t => {
  const origin = await originFor(t)
  const named = 'routes:\n  - { name: wiki, match: { host: wiki.test }, deny: true }\n'
  const { port } = await startGateway(t, `${base}${named}  - { name: app, upstream: "${origin.url}" }\n`)
  const asked = async (text: string) => (await exchange(port, Buffer.from(text, 'latin1'))).status
  t.equal(await asked('GET /radio HTTP/1.0\r\n\r\n'), 200)
  t.match(seen(origin), { host: `127.0.0.1:${port}`, 'x-forwarded-host': `127.0.0.1:${port}` })
  t.equal(await asked('GET /radio HTTP/1.0\r\nHost: wiki.test\r\n\r\n'), 403)
  t.equal(await asked('GET /radio HTTP/1.0\r\nHost:\r\n\r\n'), 400, 'one that is there has to be one')
  t.equal(await asked('GET /radio HTTP/1.1\r\n\r\n'), 400)
  t.equal(origin.requests.length, 1)
})

t.test('G1: a trusted chain is walked from the right, on requests and on upgrades', async t => {
  const origin = await originFor(t)
  const yaml = `${base}trusted_proxies: [127.0.0.1, 10.0.0.0/8]\nroutes:\n  - { name: app, upstream: "${origin.url}" }\n`
  const { port } = await startGateway(t, yaml)
  const chain =
    'X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: wiki.example\r\n'
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n'
  for (const more of [chain, chain + upgrade]) {
    await exchange(port, get('/', more))
    t.match(seen(origin), {
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3, 127.0.0.1',
      'x-real-ip': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'wiki.example',
      'x-forwarded-port': '443',
    })
  }
})

t.test('G4: identity fields come from no client, however they are spelt', async t => {
  const origin = await originFor(t)
  const { port } = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}" }\n`)
  const names = [
    'Remote-User',
    'REMOTE-USER',
    'Remote_User',
    'X-Remote-User',
    'X-Webauth-User',
    'X-Forwarded-User',
    'X-authentik-username',
  ]
  await exchange(port, get('/', names.map(name => `${name}: admin\r\n`).join('')))
  t.notMatch(JSON.stringify(origin.requests[0]?.lines), /admin/)
})

t.test('a route adds, replaces and removes fields, and chooses the Host', async t => {
  const origin = await originFor(
    t,
    (_request, socket) => void socket.write(answer(200, { Server: 'x', 'X-Old': '1' }, 'ok')),
  )
  const rules =
    'headers: { host: upstream, request: { set: { X-Script-Name: /wiki }, remove: [Accept-Language] }, response: { set: { X-Frame-Options: DENY }, remove: [Server] } }'
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, match: { path: /wiki }, rewrite_path: /, upstream: "${origin.url}", ${rules} }\n`,
  )
  const got = await exchange(port, get('/wiki/a?b', 'Accept-Language: de\r\nX-Script-Name: /lie\r\n'))
  t.equal(origin.requests[0]?.target, '/a?b')
  t.match(seen(origin), { host: `127.0.0.1:${origin.port}`, 'x-script-name': '/wiki', 'x-forwarded-prefix': '/wiki' })
  t.equal(seen(origin)['accept-language'], undefined)
  t.equal(origin.requests[0]?.lines.filter(line => /^x-script-name:/i.test(line)).length, 1)
  t.match(got.headers, { 'x-frame-options': 'DENY', 'x-old': '1' })
  t.equal(got.headers.server, undefined)
})

t.test('failures tell status, reason and request id, and no internal address', async t => {
  const origin = await originFor(t)
  await origin.stop()
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, match: { host: wiki.home.arpa }, upstream: "${origin.url}", health: { hold: none } }\n  - { name: no, match: { path: /secret }, deny: true }\n`,
  )
  const cases: [string, number, string][] = [
    [get('/'), 502, 'HG_UPSTREAM_REFUSED'],
    [get('/secret/x'), 403, 'HG_DENIED'],
    [get('/%73ecret/x'), 403, 'HG_DENIED'],
    [get('/', '', 'other.test'), 404, 'HG_NO_ROUTE'],
    [get('/').replace('GET', 'TRACE'), 405, 'HG_METHOD'],
    [get('/a/..%2f..%2fetc'), 400, 'HG_BAD_REQUEST'],
  ]
  for (const [bytes, status, code] of cases) {
    const got = await exchange(port, bytes)
    t.equal(got.status, status)
    const body = JSON.parse(got.body.toString())
    t.match(body, { statusCode: status, code })
    t.equal(body.requestId, got.headers['x-request-id'])
    t.match(got.headers['proxy-status'], /^hearthgate; error=[a-z_]+/)
    t.notMatch(got.body.toString() + JSON.stringify(got.headers), /127\.0\.0\.1|node_modules|at /)
  }
  const page = await exchange(port, get('/', 'Accept: text/html,application/xhtml+xml,*/*\r\n'))
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.body.toString(), /<h1>The app behind this address did not answer properly/)
  t.match(page.headers['proxy-status'], /^hearthgate; error=connection_refused/)
})

t.test('the same over HTTP/2 with TLS', async t => {
  const big = Buffer.alloc(3_000_000, 'z')
  const origin = await originFor(t, (request, socket) => {
    if (request.target === '/big') socket.write(answer(200, { ETag: '"b"' }, big))
    else if (request.target === '/cut') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
    else if (request.target === '/trailers') {
      socket.write(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
      )
    } else
      request.complete.then(
        body => socket.write(answer(200, { 'Set-Cookie': 'a=1' }, `${request.method} ${body.length}`)),
        () => {},
      )
  })
  const gateway = await secureGateway(t, origin)
  const session = http2.connect(`https://localhost:${gateway.port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())

  const plain = await ask(session, {
    ':path': '/x',
    ':authority': 'wiki.home.arpa',
    cookie: 'a=1',
    'x-forwarded-for': '6.6.6.6',
  })
  t.strictSame([plain.status, plain.body.toString()], [200, 'GET 0'])
  t.match(seen(origin), {
    host: 'wiki.home.arpa',
    'x-forwarded-proto': 'https',
    'x-forwarded-for': '127.0.0.1',
    cookie: 'a=1',
    via: '2 hearthgate',
  })

  const posted = await ask(session, { ':path': '/up', ':method': 'POST' }, Buffer.alloc(1_000_000))
  t.equal(posted.body.toString(), 'POST 1000000')
  t.ok((await ask(session, { ':path': '/big' })).body.equals(big))
  t.equal((await ask(session, { ':path': '/trailers' })).trailers['x-sum'], '7')
  // Cut while it was held back for its entity tag: an honest error in place of half a page.
  t.equal((await ask(session, { ':path': '/cut' })).status, 502)
  t.equal((await ask(session, { ':path': '/pub/%2e%2e/secret/x' })).status, 403)
  t.equal((await ask(session, { ':path': '/%73ecret/x' })).status, 403)
})

t.test('HTTP/2: a stream that is reset frees the origin', async t => {
  const origin = await originFor(t, () => {})
  const gateway = await secureGateway(t, origin)
  const session = http2.connect(`https://localhost:${gateway.port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/hang' })
  stream.on('error', () => {})
  while (origin.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  stream.close(http2.constants.NGHTTP2_CANCEL)
  const deadline = Date.now() + 2_000
  while (origin.sockets.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 10))
  t.equal(origin.sockets.size, 0)
})

t.test('no connection of a client is kept behind an answer that came before the body was read', async t => {
  const { port } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  const client = new RawClient(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\nGET /smug')
  t.teardown(() => client.close())
  const got = await client.answer('POST')
  t.strictSame([got.status, got.headers.connection], [403, 'close'])
  await client.whenClosed()
})

async function secureGateway(t: Test, origin: RawOrigin): Promise<TestGateway> {
  const plain = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}" }\n`)
  const { cert, key } = selfSigned('localhost')
  writeFileSync(join(plain.folder, 'cert.pem'), cert)
  writeFileSync(join(plain.folder, 'key.pem'), key)
  const listen = 'listen: { host: 127.0.0.1, port: 0, tls: { cert: cert.pem, key: key.pem } }\n'
  const yaml = base.replace(/listen:.*\n/, listen)
  const changed = await plain.rewrite(
    `${yaml}routes:\n  - { name: app, upstream: "${origin.url}" }\n  - { name: no, match: { path: /secret }, deny: true }\n`,
  )
  t.ok(changed)
  const port = Number(new URL(plain.gateway.listen[0] as string).port)
  return { ...plain, port }
}

interface H2Answer {
  readonly status: number
  readonly headers: http2.IncomingHttpHeaders
  readonly body: Buffer
  readonly trailers: http2.IncomingHttpHeaders
}

function ask(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: Buffer): Promise<H2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers)
    const chunks: Buffer[] = []
    let head: http2.IncomingHttpHeaders = {}
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on('response', got => {
      head = got
    })
    stream.on('trailers', got => {
      trailers = got
    })
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.rstCode === 0)
        resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(chunks), trailers })
    })
    stream.on('error', reject)
    stream.on('close', () => stream.rstCode !== 0 && reject(new Error(`reset ${stream.rstCode}`)))
    stream.end(body)
  })
}
