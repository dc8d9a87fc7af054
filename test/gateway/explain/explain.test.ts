import t from 'tap'
import { ask, servingOf } from './rig.ts'

const serving = servingOf(`
trusted_proxies: [10.0.0.0/8]
routes:
  - { name: all, upstream: 'http://127.0.0.1:3000' }
  - { name: wiki, match: { host: wiki.home.arpa, path: /notes }, upstream: 'http://127.0.0.1:3001', rewrite_path: /base }
  - { name: strip, match: { host: wiki.home.arpa, path: /app }, upstream: 'http://127.0.0.1:3002', rewrite_path: / }
  - { name: wild, match: { host: '*.home.arpa' }, upstream: 'http://127.0.0.1:3003' }
  - { name: admin, match: { host: '*', path: /notes/admin }, deny: true }
  - { name: twin, match: { host: [wiki.home.arpa, '*.lan'], path: /notes/deep }, upstream: 'http://127.0.0.1:3004' }
  - name: quiet
    match: { host: quiet.home.arpa }
    protocol: { websocket_enabled: false }
    headers: { host: inner.test }
    upstream: [ { url: 'http://127.0.0.1:3005', weight: 2 }, 'http://127.0.0.1:3006' ]
`)

function verdicts(url: string): string[] {
  return ask(serving, url).considered.map(rule => `${rule.route} ${rule.host}${rule.path}: ${rule.verdict}`)
}

t.test('every route under each of its hosts says why it won or lost', async t => {
  t.strictSame(verdicts('http://wiki.home.arpa/notes/x'), [
    'all */: matches, but a more specific host wins',
    'wiki wiki.home.arpa/notes: takes the request',
    'strip wiki.home.arpa/app: is for another path',
    'wild *.home.arpa/: matches, but a more specific host wins',
    'admin */notes/admin: is for another path',
    'twin wiki.home.arpa/notes/deep: is for another path',
    'twin *.lan/notes/deep: is for another host',
    'quiet quiet.home.arpa/: is for another host',
  ])
  t.match(verdicts('http://wiki.home.arpa/notes/deep/x'), [
    /all/,
    'wiki wiki.home.arpa/notes: matches, but a longer path wins',
    /strip/,
    /wild/,
    /admin/,
    'twin wiki.home.arpa/notes/deep: takes the request',
  ])
  t.match(verdicts('http://wiki.home.arpa/notes/admin/x')[1], /a deny rule wins over every route/)
  t.match(verdicts('http://wiki.home.arpa/notes/admin/x')[4], /denies the request/)
})

t.test('the route that answers is named with the reason of the route table', async t => {
  const cases = [
    ['http://wiki.home.arpa/notes', { name: 'wiki', reason: 'host-exact' }],
    ['https://WIKI.home.arpa.:443/notes', { name: 'wiki', reason: 'host-exact' }],
    ['tv.home.arpa/x', { name: 'wild', reason: 'host-wildcard' }],
    ['http://else.test', { name: 'all', reason: 'host-any' }],
    ['http://wiki.home.arpa/notes/%61dmin', { name: 'admin', reason: 'deny-rule' }],
  ] as const
  for (const [url, route] of cases) t.strictSame(ask(serving, url).route, route, url)
})

t.test('what goes upstream is the mounted target, byte for byte', async t => {
  const cases = [
    ['http://wiki.home.arpa/notes', '/base'],
    ['http://wiki.home.arpa/notes/a%2Fb?q=%41&r', '/base/a%2Fb?q=%41&r'],
    ['http://wiki.home.arpa/notes/./x/../y#part', '/base/y'],
    ['http://wiki.home.arpa/app', '/'],
    ['http://wiki.home.arpa/app/x', '/x'],
    ['http://else.test?x=1', '/?x=1'],
    ['http://else.test/a//b', '/a//b'],
  ]
  for (const [url = '', target] of cases) t.equal(ask(serving, url).sent?.target, target, url)
})

t.test('origins and the Host that they get are shown', async t => {
  const quiet = ask(serving, 'http://quiet.home.arpa:8080/').sent
  t.equal(quiet?.host, 'inner.test')
  t.strictSame(quiet?.origins, [
    { url: 'http://127.0.0.1:3005', weight: 2 },
    { url: 'http://127.0.0.1:3006', weight: 1 },
  ])
  t.equal(ask(serving, 'http://else.test:8080/').sent?.host, 'else.test:8080')
  t.equal(ask(serving, 'http://else.test/', { headers: ['host: wiki.home.arpa'] }).route?.name, 'wild')
})

t.test('a refused request says what the client reads and what it is not told', async t => {
  const some = servingOf(`
routes:
  - { name: wiki, match: { host: wiki.test, path: /a }, upstream: 'http://127.0.0.1:1' }
  - { name: deep, match: { host: wiki.test, path: /a/b }, upstream: 'http://127.0.0.1:2', rewrite_path: /x }
  - { name: shut, match: { path: /shut }, deny: true }
`)
  const cases = [
    ['http://wiki.test/shut/x', 403, 'HG_DENIED', 'the deny rule "shut" matches'],
    ['http://wiki.test/%2fshut', 403, 'HG_DENIED', 'the deny rule "shut" matches'],
    ['http://wiki.test/other', 404, 'HG_NO_ROUTE', 'no route of wiki.test has this path'],
    ['http://other.test/', 404, 'HG_NO_ROUTE', 'no route is for the host other.test'],
    ['http://wiki.test/../x', 400, 'HG_BAD_REQUEST', 'the path climbs above the root with ".."'],
    ['http://wiki.test/a/..%2fx', 400, 'HG_BAD_REQUEST', /only where a server decodes/],
    ['http://wiki.test/a%2Fb', 400, 'HG_BAD_REQUEST', /belong to different routes/],
    ['http://wi%20ki/', 400, 'HG_BAD_REQUEST', 'the host is neither a name nor an address'],
    ['http://wiki.test:99999/', 400, 'HG_BAD_REQUEST', 'the port is no number from 0 to 65535'],
    ['http://wiki.test/a b', 400, 'HG_BAD_REQUEST', /has a space/],
  ] as const
  for (const [url, status, code, detail] of cases) {
    const { refusal, sent, decisions } = ask(some, url)
    t.match(refusal, { status, code, detail }, url)
    t.equal(sent, null, 'nothing is sent')
    t.equal(decisions, null, 'nothing is decided')
  }
})

t.test('what a listener refuses never comes to a route', async t => {
  const cases: [string, string[], number][] = [
    ['CONNECT', [], 405],
    ['get', [], 400],
    ['GET', ['Host: a.test', 'Host: b.test'], 400],
    ['POST', ['Transfer-Encoding: gzip'], 501],
    ['GET', Array.from({ length: 200 }, (_, i) => `X-Line-${i}: 1`), 431],
  ]
  for (const [method, headers, status] of cases) {
    const { refusal, considered, route } = ask(serving, 'http://wiki.home.arpa/notes', { method, headers })
    // What a parser refuses has no body, so no code either.
    const code = method === 'CONNECT' || method === 'get' ? null : 'HG_BAD_REQUEST'
    t.match(refusal, { status, code }, `${method} ${headers[0] ?? ''}`)
    t.strictSame({ considered, route }, { considered: [], route: null })
  }
})

t.test('TRACE is refused although a route is for its address', async t => {
  const { refusal, route } = ask(serving, 'http://wiki.home.arpa/notes', { method: 'TRACE' })
  t.match(refusal, { status: 405, code: 'HG_METHOD' })
  t.equal(route?.name, 'wiki')
})

t.test('a faulty route says its fault to the administrator only', async t => {
  const text = 'routes:\n  - { name: bad, timout: 1s, upstream: "http://127.0.0.1:1" }\n'
  const { refusal, route } = ask(servingOf(text, true), 'http://x.test/')
  t.match(refusal, { status: 503, code: 'HG_ROUTE_FAULT', detail: /unknown key "timout"/ })
  t.notMatch(refusal?.message, /timout/)
  t.equal(route?.name, 'bad')
})

t.test('all readings of an odd path are shown', async t => {
  t.strictSame(ask(serving, 'http://else.test/a%2F%62').readings, ['/a%2Fb', '/a/b'])
  t.strictSame(ask(serving, 'http://else.test/a').readings, ['/a'])
})

t.test('the client is who trusted proxies say it is, and nobody else', async t => {
  const headers = ['X-Forwarded-For: 203.0.113.9, 10.0.0.7', 'X-Forwarded-Proto: https']
  const trusted = ask(serving, 'http://else.test/', { headers, peer: '::ffff:10.1.2.3' }).client
  t.match(trusted, { peer: '10.1.2.3', address: '203.0.113.9', proto: 'https', isPeerTrusted: true })
  const other = ask(serving, 'http://else.test/', { headers, peer: '192.0.2.1' }).client
  t.match(other, { peer: '192.0.2.1', address: '192.0.2.1', proto: 'http', port: 80, isPeerTrusted: false })
  t.match(ask(serving, 'https://else.test/').client, { peer: '127.0.0.1', proto: 'https', port: 443 })
  t.match(ask(serving, 'http://else.test:81/').client, { port: 81 })
})

t.test('a WebSocket is refused where the route switches it off', async t => {
  const headers = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket']
  t.match(ask(serving, 'http://quiet.home.arpa/', { headers }).refusal, { status: 403, code: 'HG_WEBSOCKET_OFF' })
  t.match(ask(serving, 'http://else.test/', { headers }).decisions?.websocket, { allowed: true, asked: true })
  t.match(ask(serving, 'ws://else.test/').decisions?.websocket, { allowed: true, asked: false })
})

t.test('a URL that nobody can send is an error that says what to write', async t => {
  const cases: [string, string[], RegExp][] = [
    ['ftp://x.test/', [], /http:\/\/ or https/],
    ['/path', [], /names no host/],
    ['', [], /names no host/],
    ['http://user:secret@x.test/', [], /without user and password/],
    ['http://x.test/', ['bad name: 1'], /bad name/],
    ['http://x.test/', ['X-Line: a\r\nb'], /X-Line/],
  ]
  for (const [url, headers, message] of cases) {
    t.throws(() => ask(serving, url, { headers }), { code: 'HG_EXPLAIN', statusCode: 400, message }, url)
  }
  t.equal(ask(serving, '/notes', { headers: ['Host: wiki.home.arpa'] }).route?.name, 'wiki')
  t.equal(ask(serving, 'http://bücher.home.arpa/').host, 'xn--bcher-kva.home.arpa')
  t.equal(ask(serving, 'else.test/go?to=http://x.test/').query, '?to=http://x.test/')
})

t.test('speed limits and batch calls are told, also where there are none', async t => {
  const paced = servingOf(`
uplink: 20Mbit/s
defaults: { request_optimization: { batch_size: 6, max_concurrent: 2 } }
routes:
  - name: photos
    match: { path: /photos }
    upstream: 'http://127.0.0.1:3000'
    bandwidth: { per_client: 5Mbit/s }
    admission: { priority: bulk }
    batch: true
  - { name: off, match: { path: /off }, upstream: 'http://127.0.0.1:3001', admission: false, bandwidth: false }
`)
  const told = ask(paced, 'http://a.test/photos/1').decisions
  const speeds = told?.limits.filter(({ unit }) => unit === 'bytes/s')
  t.match(speeds, [
    { name: 'bandwidth.per_client', value: 625_000 },
    { name: 'bandwidth.per_route', value: null },
    { name: 'uplink', value: 2_500_000, meaning: /this route is bulk/ },
  ])
  t.match(told?.batch, { state: 'on', path: '/photos/_hearthgate/batch', batchSize: 6, maxConcurrent: 2 })
  const off = ask(paced, 'http://a.test/off').decisions
  t.match(off?.batch, { state: 'off', path: null, batchSize: null, reason: /batch is not true/ })
  t.match(
    off?.limits.find(({ name }) => name === 'bandwidth.per_client'),
    { value: null },
  )
})
