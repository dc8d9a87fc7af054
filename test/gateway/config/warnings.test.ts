import { readFileSync } from 'node:fs'
import t from 'tap'
import { warningLines, withRoute } from './support.ts'

const full = readFileSync(new URL('./fixtures/full.yaml', import.meta.url), 'utf8')

t.test('a sound file draws none', async t => {
  t.strictSame(warningLines(withRoute()), [])
})

const unsafe: [string, string, RegExp[]][] = [
  [
    'a plain listener on the network',
    `listen: { host: 0.0.0.0 }\n${withRoute()}`,
    [/^1:9 warning: 0\.0\.0\.0:8080 is plain HTTP.*br and zstd only over TLS/],
  ],
  [
    'the second of two listeners',
    `listen: [{ port: 1 }, { host: "::" }]\n${withRoute()}`,
    [/^1:23 warning: \[::\]:8080 is plain HTTP/],
  ],
  [
    'an admin listener on the network',
    `admin: { host: 192.168.1.2, token: 0123456789abcdefg }\n${withRoute()}`,
    [/^1:16 warning: the admin listener on 192.168.1.2 can be reached by others/],
  ],
  ['a plain listener that sends everybody to https', `listen: { host: 0.0.0.0, redirect: 443 }\n${withRoute()}`, []],
  [
    'HSTS without TLS',
    'defaults: { hsts: true }\nroutes:\n  - { name: a, upstream: http://a }\n',
    [/^1:19 warning: "hsts" is never sent: no listener has "tls"/],
  ],
  [
    'HSTS for an address',
    'trusted_proxies: [10.0.0.1]\nroutes:\n  - { name: a, match: { host: 10.0.0.2 }, upstream: http://a, hsts: { max_age: 1d } }\n',
    [/^3:\d+ warning: route 'a': "hsts" is never sent for an address/],
  ],
  [
    'ACME for names that it does not give',
    'listen: [{ port: 1 }, { port: 2, tls: { acme: true } }]\nacme: { email: a@b.c, agree: true }\nroutes:\n  - { name: a, match: { host: [a.example.org, nas.lan, "*.example.org"] }, upstream: http://a }\n',
    [/^1:39 warning: "acme" gets no certificate for nas\.lan, \*\.example\.org \(names of a home/],
  ],
  [
    'ACME without a name',
    'listen: [{ port: 1 }, { port: 2, tls: { acme: true } }]\nacme: { email: a@b.c, agree: true }\nroutes:\n  - { name: a, upstream: http://a }\n',
    [/^1:39 warning: "acme" gets no certificate: no route names a host; write "hosts"/],
  ],
  [
    'certificates for trying out',
    'listen: [{ port: 1 }, { port: 2, tls: { acme: true, hosts: [a.example.org] } }]\nacme: { email: a@b.c, agree: true, directory: letsencrypt-staging }\nroutes:\n  - { name: a, upstream: http://a }\n',
    [/^2:\d+ warning: letsencrypt-staging is for trying out/],
  ],
  ['a short token', `admin: { token: abc }\n${withRoute()}`, [/^1:17 warning: "token" is shorter than 16 characters/]],
  [
    'trust in everybody',
    `trusted_proxies: [10.0.0.0/8, 0.0.0.0/0, "::/0"]\n${withRoute()}`,
    [/^1:31 warning: 0\.0\.0\.0\/0 trusts everybody/, /^1:42 warning: ::\/0 trusts everybody/],
  ],
  [
    'an origin that is not verified',
    'routes:\n  - { name: a, upstream: https://a, tls: { verify: false } }\n',
    [/^2:52 warning: route 'a': the certificate of the origin is not checked: anybody/],
  ],
  [
    'origins that are not verified by default, once',
    'defaults: { tls: { verify: false } }\nroutes:\n  - { name: a, upstream: https://a }\n  - { name: b, match: { host: b }, upstream: https://b }\n',
    [/^1:28 warning: the certificate/],
  ],
  [
    'a key without the host for several hosts',
    'routes:\n  - { name: a, match: { host: [a, b] }, upstream: http://a, cache: { key: { host: false } } }\n',
    [/^2:83 warning: route 'a': what one host answered is served under the others/],
  ],
  [
    'a key without the query',
    withRoute('cache: { key: { ignore_query: all } }'),
    [/^4:35 warning: route 'wiki': all queries of a path get one answer/],
  ],
  [
    'variants by cookie for every route, once',
    'defaults: { cache: { vary_cookie: true } }\nroutes:\n  - { name: a, upstream: http://a }\n  - { name: b, match: { host: b }, upstream: http://b }\n',
    [/^1:35 warning: pages of people who are signed in are kept/],
  ],
  [
    'a guessed lifetime that no reload gets past',
    withRoute('cache: { heuristic_freshness: 10%, honour_request: false }'),
    [/^4:56 warning: route 'wiki': no reload gets past a lifetime that "heuristic_freshness" only guessed/],
  ],
  [
    'a hash that is guessed quickly',
    withRoute(`access: { basic: { users: { joe: "$2y$05$${'a'.repeat(53)}", ann: "$2y$12$${'a'.repeat(53)}" } } }`),
    [/^4:38 warning: route 'wiki': a bcrypt hash of cost 5, below 10, is guessed quickly.*hearthgate password/],
  ],
  ['no routes', 'routes: []\n', [/^1:9 warning: no routes: every request gets 404/]],
]

for (const [title, text, lines] of unsafe)
  t.test(`${title} draws a warning with its reason`, async t => {
    const found = warningLines(text)
    t.equal(found.length, lines.length, found.join('\n'))
    t.match(found, lines)
  })

t.test('safe neighbours of unsafe settings draw none', async t => {
  const text = `
listen: [{ host: 127.0.0.2 }, { host: localhost, port: 2 }, { host: 0.0.0.0, port: 3, tls: { cert: a, key: b } }]
admin: { host: "::1", token: "0123456789abcdef" }
trusted_proxies: [10.0.0.0/8]
routes:
  - name: a
    upstream: http://a
    tls: { verify: false }
    cache: { heuristic_freshness: 10%, key: { ignore_query: [utm_*], cookies: [lang] } }
  - { name: b, match: { host: b }, upstream: http://b, cache: { key: { host: false }, honour_request: false } }
  - { name: c, match: { host: c }, deny: true, cache: { vary_cookie: true } }
`
  t.strictSame(warningLines(text), [])
})

t.test('no key of the full example is without effect', async t => {
  t.strictSame(
    warningLines(full).filter(line => line.includes('no effect')),
    [],
  )
})

t.test('off-values draw no warning', async t => {
  const text = `
workers: 1
store: memory
redis: off
defaults:
  cache: false
  compression: off
  retry: { enabled: false }
  admission: false
  tuner: { mode: off }
  health: { probe: false }
  request_optimization: { retry_attempts: 1, timeout: 3s }
${withRoute('tuner: off', 'cache: false', 'compression: false', 'retry: false')}`
  t.strictSame(warningLines(text), [])
})

t.test('workers, a store and redis do what they say', async t => {
  const lines = warningLines(`workers: auto\nstore: disk:./x\nredis: { url: redis://r }\n${withRoute()}`)
  t.strictSame(lines, [])
})
