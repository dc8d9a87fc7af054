/**
 * The traps of the given packages, by number: each probe is run against a plain @fastify/http-proxy, where it must show
 * the fault (else the trap is gone and the test with it), and against the gateway, where it must hold.
 */
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { selfSigned } from '../support/certificates.ts'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'

interface Probe {
  readonly title: string
  readonly origin: Script
  /** Route keys in YAML, indented by four. */
  readonly yaml?: string
  readonly bareOptions?: object
  /** True when the proxy on `port` does the right thing. */
  holds(port: number, origin: RawOrigin): Promise<boolean>
}

const ignore = () => {}
const ok = answer(200, {}, 'ok')
const get = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`

async function startBare(t: Test, origin: RawOrigin, options: object = {}): Promise<number> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(httpProxy, { upstream: origin.url, ...options } as never)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return (app.server.address() as AddressInfo).port
}

function trap(number: string, probe: Probe): void {
  t.test(`${number}: ${probe.title}`, async t => {
    await t.test('the bare package shows the fault', async t => {
      const origin = await rawOrigin(probe.origin)
      t.teardown(() => origin.close())
      const port = await startBare(t, origin, probe.bareOptions)
      t.notOk(await probe.holds(port, origin).catch(() => false))
    })
    await t.test('the gateway does not', async t => {
      const origin = await rawOrigin(probe.origin)
      t.teardown(() => origin.close())
      const yaml = `${base}\nroutes:\n  - name: app\n    upstream: ${origin.url}\n${probe.yaml ?? ''}`
      const { port } = await startGateway(t, yaml)
      t.ok(await probe.holds(port, origin))
    })
  })
}

trap('T5', {
  title: 'the seconds of a Retry-After are waited for, and a 503 is not asked for again and again',
  origin: (_request, socket) => void socket.write(answer(503, { 'Retry-After': '1' }, 'busy')),
  async holds(port, origin) {
    const startedMs = performance.now()
    const { status, headers } = await exchange(port, get())
    const isPatient = performance.now() - startedMs >= 1_990
    return status === 503 && headers['retry-after'] === '1' && origin.requests.length === 3 && isPatient
  },
})

trap('T6', {
  title: 'large error bodies do not use up the pool',
  origin: (_request, socket) => void socket.write(answer(503, { 'Retry-After': '0' }, Buffer.alloc(300_000))),
  yaml: '    connection_pools: { max_size: 4 }\n',
  bareOptions: { undici: { connections: 4 } },
  async holds(port) {
    for (let i = 0; i < 8; i++) {
      const { status, body } = await new RawClient(port).send(get()).answer('GET', 2_000)
      if (status !== 503 || body.length !== 300_000) return false
    }
    return true
  },
})

trap('T7', {
  title: 'a client that leaves while it waits ends the work of the origin',
  origin: () => {},
  async holds(port, origin) {
    const client = new RawClient(port).send(get())
    await waitFor(() => origin.requests.length === 1)
    const [socket] = origin.sockets
    const left = performance.now()
    client.close()
    await once(socket as never, 'close', { signal: AbortSignal.timeout(1_000) })
    return performance.now() - left < 500
  },
})

trap('T8', {
  title: 'hop-by-hop fields of an answer stay on their hop',
  origin: (_request, socket) =>
    void socket.write(
      answer(200, { Connection: 'keep-alive, X-Hop', 'Keep-Alive': 'timeout=5', 'X-Hop': 'a', 'X-End': 'b' }, 'ok'),
    ),
  async holds(port) {
    const { headers } = await exchange(port, get())
    const keepAlive = headers['keep-alive'] ?? ''
    return headers['x-hop'] === undefined && headers['x-end'] === 'b' && !keepAlive.includes('timeout=5')
  },
})

trap('T9', {
  title: 'an upload with Expect: 100-continue gets its 100 and its answer',
  origin: (request, socket) => void request.complete.then(body => socket.write(answer(201, {}, body)), ignore),
  async holds(port) {
    const client = new RawClient(port)
    client.send('PUT /f HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    await client.until(text => text.startsWith('HTTP/1.1 100 Continue'), 2_000)
    const { status, body } = await client.send('hello').answer('PUT')
    client.close()
    return status === 201 && body.toString() === 'hello'
  },
})

trap('T10', {
  title: 'an early 413 reaches a client that still sends, every time',
  // With the rest unread the system resets the connection behind the answer: whether the answer survives is a race.
  origin: (_request, socket) =>
    void socket.write(answer(413, { Connection: 'close' }, 'too much'), () => socket.destroy()),
  async holds(port) {
    for (let i = 0; i < 60; i++) {
      const client = new RawClient(port)
      client
        .send('POST /f HTTP/1.1\r\nHost: app.test\r\nContent-Length: 50000000\r\n\r\n')
        .send(Buffer.alloc(1_000_000))
      const feed = setInterval(() => client.socket.writable && client.send(Buffer.alloc(65_536)), 2)
      const started = performance.now()
      const { status } = await client.answer('POST', 2_000).finally(() => {
        clearInterval(feed)
        client.close()
      })
      if (status !== 413 || performance.now() - started > 1_000) return false
    }
    return true
  },
})

trap('T11', {
  title: 'WebDAV, CalDAV and discovery methods pass, TRACE is refused',
  origin: (_request, socket) => void socket.write(ok),
  async holds(port, origin) {
    for (const method of ['PROPFIND', 'MKCOL', 'REPORT', 'LOCK', 'SEARCH', 'MKCALENDAR', 'M-SEARCH']) {
      const { status } = await exchange(port, get('/dav/').replace('GET', method))
      if (status !== 200 || origin.requests.at(-1)?.method !== method) return false
    }
    const { status, headers } = await exchange(port, get().replace('GET', 'TRACE'))
    return status === 405 && /^GET, HEAD, POST/.test(headers['allow'] ?? '')
  },
})

trap('the list under the table', {
  title: 'a Content-Type that is no media type is passed on, and the body with it',
  origin: (request, socket) =>
    void request.complete.then(
      body => socket.write(answer(200, {}, `${request.headers['content-type']} ${body}`)),
      ignore,
    ),
  async holds(port) {
    const post = 'POST /rpc HTTP/1.1\r\nHost: app.test\r\nContent-Type: json\r\nContent-Length: 4\r\n\r\n{}\r\n'
    const { status, body } = await exchange(port, post)
    return status === 200 && body.toString() === 'json {}\r\n'
  },
})

trap('the list under the table', {
  title: 'Proxy-Authorization and TE stay here, and an origin that closes does not close for the client',
  origin: (_request, socket) => void socket.end(answer(200, { Connection: 'close' }, 'ok')),
  async holds(port, origin) {
    const client = new RawClient(port)
    try {
      const more = 'Proxy-Authorization: Basic eA==\r\nTE: gzip\r\n'
      for (let i = 0; i < 2; i++) {
        const { status, headers } = await client.send(get('/', more)).answer()
        if (status !== 200 || headers.connection === 'close') return false
      }
      return origin.requests.every(({ headers }) => headers.te === undefined && !headers['proxy-authorization'])
    } finally {
      client.close()
    }
  },
})

trap('the list under the table', {
  title: 'a refused connection is a 502 that names itself, not a 500',
  origin: () => {},
  yaml: '    health: { hold: none }\n',
  async holds(port, origin) {
    await origin.stop()
    const { status, headers } = await exchange(port, get())
    return status === 502 && headers['proxy-status']?.startsWith('hearthgate; error=connection_refused')
  },
})

trap('T12', {
  title: 'forwarding fields tell the truth and Host is kept',
  origin: (_request, socket) => void socket.write(ok),
  async holds(port, origin) {
    await exchange(port, get('/', 'X-Forwarded-For: 6.6.6.6\r\nProxy-Authorization: Basic eA==\r\n'))
    const { headers } = origin.requests[0] as { headers: Record<string, string> }
    return (
      headers.host === 'app.test' &&
      headers['x-forwarded-for'] === '127.0.0.1' &&
      headers['x-forwarded-proto'] === 'http' &&
      headers['x-forwarded-host'] === 'app.test' &&
      headers['x-real-ip'] === '127.0.0.1' &&
      headers['proxy-authorization'] === undefined
    )
  },
})

trap('T14', {
  title: 'targets go upstream byte for byte',
  origin: (_request, socket) => void socket.write(ok),
  async holds(port, origin) {
    const targets = ['/100%', '/caf%E9', '/dir../x', '/f..//g', '/a\\b', '/a%2Fb', '/[x]|;y', '/p?q=%zz']
    for (const target of targets) {
      const { status } = await exchange(port, get(target))
      if (status !== 200 || origin.requests.at(-1)?.target !== target) return false
    }
    return true
  },
})

trap('T15', {
  title: 'a refused upgrade shows the status of the origin, and the fields of the client arrive',
  origin: (_request, socket) => void socket.write(answer(401, { 'WWW-Authenticate': 'Basic' }, 'who are you')),
  bareOptions: { websocket: true },
  async holds(port, origin) {
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n'
    const more = `${upgrade}Sec-WebSocket-Protocol: a, b\r\nAuthorization: Basic eA==\r\nOrigin: http://app.test\r\n`
    const { status, headers } = await exchange(port, get('/ws', more))
    const seen = origin.requests[0]?.headers ?? {}
    return (
      status === 401 &&
      headers['www-authenticate'] === 'Basic' &&
      seen.authorization === 'Basic eA==' &&
      seen.origin === 'http://app.test' &&
      seen.host === 'app.test' &&
      seen['sec-websocket-protocol'] === 'a, b'
    )
  },
})

trap('T16', {
  title: 'trailers and early hints are passed on',
  origin: (_request, socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n')
    socket.write(
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
    )
  },
  async holds(port) {
    const client = new RawClient(port).send(get('/', 'TE: trailers\r\n'))
    await client.until(text => text.startsWith('HTTP/1.1 103') && text.includes('</a.css>'), 2_000)
    const { status, body, trailers } = await client.answer()
    client.close()
    return status === 200 && body.toString() === 'ok' && trailers.join() === 'X-Sum: 7'
  },
})

trap('T17', {
  title: 'the clock for the answer starts when the upload has been sent',
  // A slow disk: the origin stops reading in the middle of the upload for longer than the limit.
  origin(request, socket) {
    socket.pause()
    setTimeout(() => socket.resume(), 1_500)
    request.complete.then(body => socket.write(answer(200, {}, String(body.length))), ignore)
  },
  yaml: '    limits: { response_timeout: 400ms }\n',
  bareOptions: { undici: { headersTimeout: 400 } },
  async holds(port) {
    const size = 24 * 1024 ** 2
    const client = new RawClient(port).send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${size}\r\n\r\n`)
    client.send(Buffer.alloc(size))
    const { status, body } = await client.answer('POST', 10_000)
    client.close()
    return status === 200 && body.toString() === String(size)
  },
})

trap('T18', {
  title: 'an event stream with a charset is not cut by the limits of ordinary answers',
  origin: (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n')
    setTimeout(() => socket.end('data: 2\n\n'), 1_600)
  },
  yaml: '    limits: { response_timeout: 500ms, idle_timeout: 500ms }\n',
  bareOptions: { undici: { headersTimeout: 500, bodyTimeout: 500 } },
  async holds(port) {
    const { status, body, isWhole } = await exchange(port, get())
    return status === 200 && isWhole && body.toString() === 'data: 1\n\ndata: 2\n\n'
  },
})

async function waitFor(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 3_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to it')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

t.test('T13: the certificate of an https origin is verified', async t => {
  const { cert, key } = selfSigned('wrong.name')
  const origin = https.createServer({ cert, key }, (_request, response) => response.end('secret'))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const url = `https://127.0.0.1:${(origin.address() as AddressInfo).port}`
  await t.test('the bare package shows the fault', async t => {
    const port = await startBare(t, { url } as RawOrigin)
    t.equal((await exchange(port, get())).status, 200)
  })
  await t.test('the gateway does not', async t => {
    const { port } = await startGateway(t, `${base}\nroutes:\n  - name: app\n    upstream: ${url}\n`)
    const { status, headers, body } = await exchange(port, get())
    t.equal(status, 502)
    t.equal(headers['proxy-status'], 'hearthgate; error=tls_certificate_error')
    t.notMatch(body.toString(), /secret|127\.0\.0\.1/)
  })
})

t.test('T20: refused connections under load end in answers, and the process lives', async t => {
  const origin = await rawOrigin(() => {})
  await origin.stop()
  const gateway = await gatewayProcess(
    t,
    `${base}\nroutes:\n  - name: app\n    upstream: ${origin.url}\n    health: { hold: none }\n`,
  )
  const statuses = new Map<number, number>()
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(gateway.port, get())))
    for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.strictSame([...statuses], [[502, 500]])
  t.equal(gateway.child.exitCode, null)
})
