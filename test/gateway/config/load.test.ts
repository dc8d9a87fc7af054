// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references of the configuration are written
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { loadConfig } from '../../../gateway/config/load.ts'
import { formatProblem } from '../../../gateway/config/problem.ts'
import { configOf, problemLines, routeOf, withRoute } from './support.ts'

const full = readFileSync(new URL('./fixtures/full.yaml', import.meta.url), 'utf8')

t.test('what is not written has the documented defaults', async t => {
  const { routes, ...globals } = configOf('routes: []\n')
  t.strictSame(globals, {
    file: '/etc/hearthgate/gateway.yaml',
    listen: [{ host: '127.0.0.1', port: 8080, tls: null }],
    admin: { host: '127.0.0.1', port: 9900, token: null, hosts: [] },
    trustedProxies: [],
    workers: 1,
    store: 'memory',
    storeLimits: { size: 1024 ** 3, memory: 64 * 1024 ** 2 },
    redis: null,
    stateDir: '/etc/hearthgate/state',
    acme: null,
    uplink: null,
    tracing: { context: 'pass', spans: false },
    log: { level: 'info', access: 'json', sample: 1 },
    limits: {
      headerSize: 32 * 1024,
      headerLines: 200,
      headerTimeoutMs: 10_000,
      bodyIdleMs: 30_000,
      writeIdleMs: 60_000,
      keepAliveMs: 65_000,
      connections: 4096,
      connectionsPerAddress: 256,
    },
  })
  t.strictSame(routes, [])
  t.strictSame(routeOf(withRoute()), {
    name: 'wiki',
    match: { hosts: ['*'], path: '/' },
    deny: false,
    upstream: [{ url: 'http://127.0.0.1:3000', weight: 1 }],
    balance: 'round_robin',
    balanceCookie: 'session',
    rewritePath: null,
    preset: null,
    connectionPools: { maxSize: 100, minSize: 10, maxIdleMs: 30_000, ttlMs: 300_000 },
    requestOptimization: { batchSize: 10, maxConcurrent: 5, timeoutMs: 30_000, retryAttempts: 3 },
    protocol: { http2Enabled: true, tcpNodelay: true, keepAlive: true, websocketEnabled: true, client: 'native' },
    limits: {
      bodySize: null,
      connectTimeoutMs: 3000,
      responseTimeoutMs: 30_000,
      idleTimeoutMs: 120_000,
      websocketIdleMs: null,
    },
    health: { ejectTimeMs: 2000, holdMs: 8000, probe: null },
    headers: {
      host: 'preserve',
      location: 'public',
      cookiePath: 'public',
      request: { set: {}, remove: [] },
      response: { set: {}, remove: [] },
    },
    tls: { verify: true, ca: null, pin: null, serverName: null },
    compression: {
      minSize: 1024,
      algorithms: ['zstd', 'brotli', 'gzip'],
      levelMap: { text: 9, image: 6, video: 3, default: 6 },
      types: [],
      requests: { decode: false, maxSize: 64 * 1024 ** 2, maxRatio: 100, encode: 'advertised' },
    },
    cache: {
      maxObjectSize: 8 * 1024 ** 2,
      heuristicFreshness: 0,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      variants: 16,
      etag: true,
      coalesce: true,
      followReleases: true,
      varyCookie: false,
      storePost: true,
      storePartial: true,
      honourRequest: true,
      never: [],
      immutable: [],
      key: { headers: [], cookies: [], ignoreQuery: [], host: true },
    },
    access: false,
    rateLimit: false,
    securityHeaders: false,
    slo: { goodMs: 500, badMs: 2000 },
    webdav: { destination: 'rewrite' },
    redirects: {},
    redact: [],
    serverTiming: false,
    hsts: false,
    retry: {
      statuses: [502, 503, 504],
      methods: ['GET', 'HEAD', 'OPTIONS'],
      tooManyRequests: false,
      idempotencyKey: false,
      budget: 0.2,
      hedgeMs: 'auto',
    },
    admission: {
      maxConcurrency: 'auto',
      queue: 256,
      queueTimeoutMs: 10_000,
      queueOrder: 'adaptive',
      waitGoalMs: 300,
      priority: 'interactive',
    },
    bandwidth: { perClient: null, perRoute: null },
    batch: false,
    tuner: {
      mode: 'apply',
      policy: 'measured',
      intervalMs: 300_000,
      knobs: {
        concurrency: null,
        queue: null,
        retries: null,
        parking: null,
        hedge: null,
        compression: null,
        pool: null,
        timeout: null,
        cacheTtl: null,
      },
    },
    fault: null,
  })
})

t.test('the full example of the documentation is accepted as it stands', async t => {
  const config = configOf(full)
  t.match(config, {
    listen: [{ host: '0.0.0.0', port: 8080 }],
    redis: { url: 'redis://127.0.0.1:6379/6' },
    store: 'memory',
  })
  t.match(config.routes, [
    {
      name: 'wiki',
      match: { hosts: ['wiki.home.arpa'], path: '/notes' },
      upstream: [{ url: 'http://127.0.0.1:3000', weight: 1 }],
      rewritePath: '/base',
      preset: 'nextcloud',
      deny: false,
      limits: {
        bodySize: null,
        connectTimeoutMs: 3000,
        responseTimeoutMs: 60_000,
        idleTimeoutMs: 120_000,
        websocketIdleMs: null,
      },
      health: { ejectTimeMs: 2000, holdMs: 8000, probe: { path: '/healthz', intervalMs: 10_000 } },
      cache: false,
      tuner: { mode: 'apply', intervalMs: 300_000 },
    },
  ])
})

t.test('a block of a route lies over the one of defaults, key by key', async t => {
  const text = `
defaults:
  connection_pools: { max_size: 20, ttl: 1h }
  compression: { level_map: { text: 5 } }
  request_optimization: { timeout: 9s }
  headers: { response: { set: { X-A: "1", X-B: "1" }, remove: [Server] } }
  cache: false
  retry: { budget: 10% }
  balance: least_requests
routes:
  - name: a
    upstream: http://a
    connection_pools: { max_size: 5 }
    headers: { response: { set: { X-B: 2 }, remove: [] } }
    retry: false
    cache: { variants: 3 }
  - name: b
    match: { host: b }
    upstream: [{ url: http://b, weight: 3 }, "unix:b.sock"]
    limits: { response_timeout: 1s }
    balance: round_robin
`
  const [a, b] = configOf(text).routes
  t.strictSame(a?.connectionPools, { maxSize: 5, minSize: 10, maxIdleMs: 30_000, ttlMs: 3_600_000 })
  t.match(a?.compression, { minSize: 1024, levelMap: { text: 5, image: 6, video: 3, default: 6 } })
  t.strictSame(a?.headers.response, { set: { 'X-A': '1', 'X-B': '2' }, remove: [] })
  t.equal(a?.limits.responseTimeoutMs, 9000)
  t.equal(a?.retry, false)
  t.match(a?.cache, { variants: 3, maxObjectSize: 8 * 1024 ** 2 })
  t.equal(a?.balance, 'least_requests')
  t.equal(b?.limits.responseTimeoutMs, 1000)
  t.equal(b?.cache, false)
  t.match(b?.retry, { budget: 0.1, statuses: [502, 503, 504] })
  t.equal(b?.balance, 'round_robin')
  t.strictSame(b?.upstream, [
    { url: 'http://b', weight: 3 },
    { url: 'unix:/etc/hearthgate/b.sock', weight: 1 },
  ])
})

t.test('the off-values are accepted in every spelling', async t => {
  for (const off of ['false', 'off', '"off"', '{ enabled: false }']) {
    const route = routeOf(withRoute(`cache: ${off}`, `compression: ${off}`, `retry: ${off}`, `admission: ${off}`))
    t.match(route, { cache: false, compression: false, retry: false, admission: false }, off)
  }
  for (const off of ['false', 'off']) {
    const keys = ['connection_pools', 'request_optimization', 'protocol', 'health'].map(key => `${key}: ${off}`)
    const route = routeOf(withRoute(...keys))
    t.strictSame(route.connectionPools, { maxSize: 100, minSize: 0, maxIdleMs: 0, ttlMs: 300_000 }, 'none is kept')
    t.match(route.requestOptimization, { batchSize: 1, maxConcurrent: 1, retryAttempts: 1 }, 'one attempt')
    t.match(route.protocol, { http2Enabled: false, tcpNodelay: false, keepAlive: false, websocketEnabled: false })
    t.strictSame(route.health, { ejectTimeMs: 0, holdMs: 0, probe: null })
    t.equal(route.limits.responseTimeoutMs, 30_000, 'the time limit stays')
  }
  for (const [written, meant] of [
    ...['off', 'false', '"off"'].map(off => [off, 'off'] as const),
    ['advertised', 'advertised'] as const,
    ['[gzip, brotli]', ['gzip', 'brotli']] as const,
  ]) {
    const route = routeOf(withRoute(`compression: { requests: { max_size: none, encode: ${written} } }`))
    const requests = { decode: false, maxSize: null, maxRatio: 100, encode: meant }
    t.match(route.compression, { requests }, written)
  }
  for (const off of ['off', 'false', '{ mode: off }', '{ mode: false }', '{ mode: "off" }'])
    t.equal(routeOf(withRoute(`tuner: ${off}`)).tuner['mode'], 'off', off)
  const { limits, health } = routeOf(
    withRoute('limits: { body_size: none, websocket_idle: 0 }', 'health: { probe: false, hold: 0, eject_time: none }'),
  )
  t.match(limits, { bodySize: null, websocketIdleMs: null })
  t.strictSame(health, { ejectTimeMs: 0, holdMs: 0, probe: null })
  t.match(routeOf(withRoute('retry: { hedge: off }')).retry, { hedgeMs: 'off' })
  t.match(routeOf(withRoute('admission: { max_concurrency: none }')).admission, { maxConcurrency: 'none' })
})

t.test('true and an empty block mean the defaults of the block', async t => {
  for (const on of ['true', '', '{}', '{ enabled: true }'])
    t.match(routeOf(`defaults: { cache: false }\n${withRoute(`cache: ${on}`)}`).cache, { variants: 16 }, on)
})

t.test('a guessed lifetime is switched on and off by a word', async t => {
  for (const [written, share] of [
    ['on', 0.1],
    ['true', 0.1],
    ['"${SHARE}"', 0.1],
    ['off', 0],
    ['false', 0],
  ] as const) {
    const { routes } = configOf(withRoute(`cache: { heuristic_freshness: ${written} }`), { env: { SHARE: 'true' } })
    t.match(routes[0]?.cache, { heuristicFreshness: share }, written)
  }
  t.match(problemLines(withRoute('cache: { heuristic_freshness: yes please }')), [
    /expected a share: 20% or 0\.2, or off, or on/,
  ])
})

t.test('a cache is read with all its keys, a store with its folder beside the file', async t => {
  const text = `
store: disk:\${CACHE:-./cache}
store_limits: { size: "\${SIZE}", memory: off }
defaults:
  cache: { stale_if_error: 1d, key: { ignore_query: all, cookies: [lang] } }
${withRoute('cache: { max_object_size: 1GiB, heuristic_freshness: 10%, stale_while_revalidate: 1m, etag: "${ETAG}" }')}`
  const { store, storeLimits, routes } = configOf(text, { env: { SIZE: '2GiB', ETAG: 'false' } })
  t.equal(store, 'disk:/etc/hearthgate/cache')
  t.strictSame(storeLimits, { size: 2 * 1024 ** 3, memory: 0 })
  t.match(routes[0]?.cache, {
    maxObjectSize: 1024 ** 3,
    heuristicFreshness: 0.1,
    staleWhileRevalidateMs: 60_000,
    staleIfErrorMs: 86_400_000,
    variants: 16,
    etag: false,
    key: { headers: [], cookies: ['lang'], ignoreQuery: 'all', host: true },
  })
  const listed = withRoute('cache: { key: { ignore_query: [], headers: [X-Device] } }')
  const over = routeOf(`defaults: { cache: { key: { ignore_query: all } } }\n${listed}`).cache
  t.match(over, { key: { headers: ['x-device'], ignoreQuery: [] } })
  const word = withRoute('cache: { key: { ignore_query: "${WHAT}" } }')
  t.match(routeOf(word, { env: { WHAT: 'all' } }).cache, { key: { ignoreQuery: 'all' } })
})

t.test('one listener, several, and certificates by name', async t => {
  const text = `
listen:
  - port: 80
  - { host: "::", port: 443, tls: [{ cert: a.pem, key: a.key }, { cert: /b.pem, key: ../b.key }] }
  - { port: 444, tls: { cert: a.pem, key: a.key } }
admin: { port: 0, token: "0123456789abcdef", hosts: [Admin.Home.arpa] }
routes: []
`
  const { listen, admin } = configOf(text)
  const a = { cert: '/etc/hearthgate/a.pem', key: '/etc/hearthgate/a.key' }
  t.strictSame(listen, [
    { host: '127.0.0.1', port: 80, tls: null },
    { host: '::', port: 443, tls: [a, { cert: '/b.pem', key: '/etc/b.key' }] },
    { host: '127.0.0.1', port: 444, tls: [a] },
  ])
  t.strictSame(admin, { host: '127.0.0.1', port: 0, token: '0123456789abcdef', hosts: ['admin.home.arpa'] })
})

t.test('a deny route needs no upstream and keeps none', async t => {
  const [a, b] = configOf(
    'routes:\n  - { name: a, deny: true }\n  - { name: b, match: { host: b }, deny: true, upstream: http://b }\n',
  ).routes
  t.match(a, { deny: true, upstream: [] })
  t.strictSame(b?.upstream, [])
})

t.test('names that JavaScript gives a meaning to are ordinary names', async t => {
  const route = routeOf(withRoute('headers: { request: { set: { __proto__: x, constructor: y } } }'))
  t.strictSame(Object.entries(route.headers.request.set), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  t.equal(routeOf(withRoute()).headers.request.set['x'], undefined)
})

/** Loads a file and gives its problems as `check` prints them. */
function problemsOf(file: string, folder: string): string[] {
  const result = loadConfig(file, { env: {} })
  return result.ok ? [] : result.problems.map(problem => formatProblem(problem, folder))
}

t.test('a file that cannot be read is said so at its beginning', async t => {
  const dir = t.testdir({
    'big.yaml': `routes: []\n#${'x'.repeat(1024 ** 2)}`,
    'latin.yaml': Buffer.from([0x61, 0xe9]) as unknown as string,
  })
  const end = 'name another one with --config FILE'
  t.strictSame(problemsOf(join(dir, 'none.yaml'), dir), [`none.yaml:1:1 cannot be read: no such file; ${end}`])
  t.strictSame(problemsOf(dir, join(dir, '..')), [
    `${dir.slice(join(dir, '..').length + 1)}:1:1 cannot be read: it is a folder; ${end}`,
  ])
  t.strictSame(problemsOf(join(dir, 'big.yaml'), dir), ['big.yaml:1:1 the file is larger than 1 MiB'])
  t.strictSame(problemsOf(join(dir, 'latin.yaml'), dir), ['latin.yaml:1:1 the file is not UTF-8 text'])
})

t.test('named files are looked for beside the configuration', async t => {
  const dir = t.testdir({ 'empty.pem': '' })
  mkdirSync(join(dir, 'folder'))
  writeFileSync(join(dir, 'locked.pem'), '')
  chmodSync(join(dir, 'locked.pem'), 0)
  const text = `listen: { tls: { cert: none.pem, key: folder } }\nroutes:\n  - { name: a, upstream: https://a, tls: { ca: empty.pem } }\n  - { name: b, match: { host: b }, upstream: https://b, tls: { ca: /none.pem } }\n`
  writeFileSync(join(dir, 'gateway.yaml'), text)
  t.strictSame(problemsOf(join(dir, 'gateway.yaml'), dir), [
    `gateway.yaml:1:24 cannot read "none.pem" (${dir}/none.pem): no such file`,
    `gateway.yaml:1:39 cannot read "folder" (${dir}/folder): it is a folder`,
    "gateway.yaml:3:48 route 'a': holds no certificate in PEM form",
    'gateway.yaml:4:68 route \'b\': cannot read "/none.pem": no such file',
  ])
})

t.test('a certificate and a key that do not fit are said so', async t => {
  const certs = fileURLToPath(new URL('../../support/certs/', import.meta.url))
  const withPair = (cert: string, key: string) =>
    `listen: { port: 0, tls: [{ cert: ${certs}photos.cert.pem, key: ${certs}photos.key.pem }, { cert: ${cert}, key: ${key} }] }\nroutes: []\n`
  const dir = t.testdir({
    'a.pem': 'nonsense',
    'nonsense.yaml': withPair('a.pem', 'a.pem'),
    'other.yaml': withPair(`${certs}localhost.cert.pem`, `${certs}photos.key.pem`),
    'fit.yaml': withPair(`${certs}localhost.cert.pem`, `${certs}localhost.key.pem`),
  })
  const misfit = /:1:\d+ certificate and key cannot be used together: /
  t.match(problemsOf(join(dir, 'nonsense.yaml'), dir), [misfit])
  t.match(problemsOf(join(dir, 'other.yaml'), dir), [misfit])
  t.strictSame(problemsOf(join(dir, 'fit.yaml'), dir), [])
})
