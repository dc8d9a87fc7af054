/** A prefix served by the proxy alone: which paths it takes, what it sends up, whose word it takes for the client. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { type ProxyOptions, proxy } from '../../../plugins/proxy/index.ts'
import { type UpstreamGroupOptions, upstream } from '../../../plugins/upstream/index.ts'
import { bareApp, waysOut } from '../../support/bare-app.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'

const head = (target: string, more = '', method = 'GET') =>
  `${method} ${target} HTTP/1.1\r\nHost: wiki.test\r\n${more}\r\n`

async function setUp(t: { teardown(fn: () => unknown): void }, options: Partial<ProxyOptions> = {}) {
  const origin: RawOrigin = await rawOrigin((request, socket) => {
    request.complete.then(
      () => socket.write(answer(200, {}, request.method === 'HEAD' ? '' : request.target)),
      () => {},
    )
  })
  t.teardown(() => origin.close())
  const { port } = await bareApp(t, origin.url, { proxy: options })
  return { origin, port }
}

t.test('an app whose answers may leave in one piece', async t => {
  const origin = await rawOrigin((request, socket) => void socket.write(answer(200, { Date: 'x' }, request.target)))
  t.teardown(() => origin.close())
  const heads: string[][] = []
  for (const whole of [false, true]) {
    const { port } = await bareApp(t, origin.url, { proxy: { direct: true }, whole })
    for (const target of ['/a', '/b', '/a']) {
      const { status, body, lines } = await exchange(port, head(target))
      t.match({ status, body: body.toString() }, { status: 200, body: target })
      heads.push(lines.filter(line => !/^(x-request-id|keep-alive):/i.test(line)))
    }
  }
  t.same(heads.slice(3), heads.slice(0, 3), 'the same heads as Node writes')
})

t.test('the target goes up byte for byte', async t => {
  for (const { name, direct } of waysOut) {
    const { origin, port } = await setUp(t, { direct })
    for (const target of [
      '/',
      '/a%2Fb',
      '/x?%E9=[1]|2;3',
      '/a//b',
      '/dir../x',
      '/a;b=c',
      '/?',
      '/a?b?c',
      '/%2e%2e/x',
    ]) {
      t.equal((await exchange(port, head(target))).status, 200, `${target} ${name}`)
      t.equal(origin.requests.at(-1)?.target, target, name)
    }
  }
})

t.test('a prefix is matched on segment borders and replaced', async t => {
  const cases: [Partial<ProxyOptions>, string, string | null][] = [
    [{ prefix: '/app' }, '/app/x?y', '/app/x?y'],
    [{ prefix: '/app' }, '/app', '/app'],
    [{ prefix: '/app/' }, '/app/x', '/app/x'],
    [{ prefix: '/app' }, '/apple', null],
    [{ prefix: '/app' }, '/', null],
    [{ prefix: '/app', rewritePath: '/' }, '/app/x?y', '/x?y'],
    [{ prefix: '/app', rewritePath: '/' }, '/app', '/'],
    [{ prefix: '/app', rewritePath: '/' }, '/app?y', '/?y'],
    [{ prefix: '/app', rewritePath: '/base' }, '/app/x', '/base/x'],
    [{ prefix: '/app', rewritePath: '/base/' }, '/app/x', '/base/x'],
    [{ prefix: '/app', rewritePath: '/base' }, '/app/a%2Fb//c', '/base/a%2Fb//c'],
    [{ prefix: '/', rewritePath: '/base' }, '/x', '/base/x'],
  ]
  for (const [options, target, wanted] of cases) {
    const { origin, port } = await setUp(t, options)
    const { status } = await exchange(port, head(target))
    t.equal(status, wanted === null ? 404 : 200, `${JSON.stringify(options)} ${target}`)
    t.equal(origin.requests[0]?.target ?? null, wanted)
  }
})

t.test('a mount is not left, and its prefix in another spelling sends nothing wrong', async t => {
  const { origin, port } = await setUp(t, { prefix: '/app', rewritePath: '/base' })
  // Refused, or the canonical form; never a path outside the mount, never one with bytes cut off.
  const cases = ['/app/../secret', '/app/%2e%2e/secret', '/app/x/../../secret', '/app/..%2fsecret', '/%61pp/x']
  for (const target of cases) {
    await exchange(port, head(target))
    const sent = origin.requests.at(-1)?.target ?? '/base/'
    const path = decodeURIComponent(sent)
    t.ok(path.startsWith('/base/') && !path.split('/').includes('..'), `${target} became ${sent}`)
    if (target === '/%61pp/x') t.not(sent, '/base/pp/x')
  }
})

t.test('a mount whose path goes up as it came is not left either', async t => {
  const { origin, port } = await setUp(t, { prefix: '/app' })
  for (const target of ['/app/../secret', '/app/%2e%2e/secret', '/app/..%2fsecret', '/app/..;/secret']) {
    t.equal((await exchange(port, head(target))).status, 400, target)
  }
  t.equal(origin.requests.length, 0)
  t.equal((await exchange(port, head('/app/x..y?/../z'))).status, 200)
  t.equal(origin.requests[0]?.target, '/app/x..y?/../z')
})

t.test('all methods pass but TRACE', async t => {
  const { origin, port } = await setUp(t)
  for (const method of ['HEAD', 'OPTIONS', 'PROPFIND', 'MKCOL', 'REPORT', 'LOCK', 'M-SEARCH', 'PURGE', 'DELETE']) {
    t.equal((await exchange(port, head('/x', '', method))).status, 200, method)
  }
  const seen = origin.requests.length
  t.equal((await exchange(port, head('/x', '', 'TRACE'))).status, 405)
  t.equal(origin.requests.length, seen)
})

t.test('a stranger in front of a bare app cannot say who it is, also not by its Host', async t => {
  const { origin, port } = await setUp(t)
  const claims = [
    'X-Forwarded-For: 6.6.6.6',
    'x_real_ip: 6.6.6.6',
    'Remote-User: root',
    'Connection: x-real-ip, forwarded',
  ]
  await exchange(port, head('/', `${claims.join('\r\n')}\r\n`))
  const { lines = [] } = origin.requests[0] ?? {}
  t.notOk(
    lines.some(line => line.includes('6.6.6.6') || line.includes('root')),
    lines.join(' | '),
  )
  t.equal(lines.filter(line => /^x-real-ip: 127\.0\.0\.1$/i.test(line)).length, 1)
  const { status } = await exchange(port, 'GET / HTTP/1.1\r\nHost: x;for=6.6.6.6\r\n\r\n')
  const forwarded = origin.requests[1]?.headers['forwarded'] ?? ''
  t.ok(status === 400 || forwarded.replace(/"[^"]*"/g, '').split('for=').length === 2, `${status} ${forwarded}`)
})

t.test('a trusted proxy in front of a bare app is believed', async t => {
  const { origin, port } = await setUp(t, { trustedProxies: ['127.0.0.0/8'] })
  await exchange(port, head('/', 'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nRemote-User: anna\r\n'))
  t.match(origin.requests[0]?.headers, {
    'x-real-ip': '203.0.113.9',
    'x-forwarded-for': '203.0.113.9, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'remote-user': 'anna',
  })
})

t.test('the Host that is sent', async t => {
  const rules = { request: { set: {}, remove: [] }, response: { set: {}, remove: [] } }
  for (const [host, wanted] of [
    ['preserve', 'wiki.test'],
    ['other.test', 'other.test'],
    ['upstream', null],
  ] as const) {
    const { origin, port } = await setUp(t, { headers: { host, ...rules } })
    await exchange(port, head('/'))
    t.equal(origin.requests[0]?.headers['host'], wanted ?? `127.0.0.1:${origin.port}`, host)
  }
})

t.test('a body above the limit is a 413 that names the limit, by its head and by its bytes', async t => {
  const { port } = await setUp(t, { bodySize: 5 })
  const cases = [
    'Content-Length: 6\r\n\r\nsixsix',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
  ]
  for (const body of cases) {
    const refused = await exchange(port, `POST / HTTP/1.1\r\nHost: wiki.test\r\n${body}`)
    t.equal(refused.status, 413)
    t.match(String(refused.body), /5 bytes/)
  }
  t.equal((await exchange(port, 'POST / HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 5\r\n\r\nhello')).status, 200)
})

t.test('the plugin asks for what it needs, and names what is wrong in its options', async t => {
  await t.rejects(async () => {
    await Fastify().register(proxy, { upstream: 'app' })
  }, /upstream/)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(upstream, {
    upstreams: { app: { origins: [{ url: 'http://127.0.0.1:1' }] } as UpstreamGroupOptions },
  })
  await t.rejects(async () => app.register(proxy, { upstream: 'app', bodySize: 0 }), { message: /proxy: \/bodySize/ })
})

t.test('an origin that cannot be reached is a 502 by both ways out, for people and for programs', async t => {
  const origin = await rawOrigin(() => {})
  await origin.close()
  for (const { direct } of waysOut) {
    const { app, port } = await bareApp(t, origin.url, { proxy: { direct } })
    t.equal((app.server.address() as AddressInfo).port, port)
    const page = await exchange(port, head('/', 'Accept: text/html\r\n'))
    t.match(page, { status: 502, headers: { 'proxy-status': 'hearthgate; error=connection_refused' } })
    t.match(page.headers['content-type'], 'text/html')
    t.notMatch(String(page.body), String(origin.port))
    t.match(JSON.parse(String((await exchange(port, head('/'))).body)), {
      statusCode: 502,
      code: 'HG_UPSTREAM_REFUSED',
    })
  }
})
