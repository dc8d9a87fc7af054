// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references of the configuration are written
import t from 'tap'
import { problemLines, withRoute } from './support.ts'

/** Lines put on the one route of a file, from line 4 and column 5 on, and what is said about them. */
const onRoute: [title: string, lines: string[], problems: string[]][] = [
  [
    'a hash that takes too long to check',
    ['access:', '  basic:', '    users:', `      joe: "$2y$31$${'a'.repeat(53)}"`],
    [
      '7:16 route \'wiki\': "joe": its cost 31 is out of bounds: from 4, and at most 15; `hearthgate password` makes another one',
    ],
  ],
  [
    'a slip of the pen in a key',
    ['request_optimization:', '  timout: 5s'],
    ['5:7 route \'wiki\': unknown key "timout", did you mean "timeout"'],
  ],
  [
    'a slip of the pen in a key of another block',
    ['timout: 5s'],
    ['4:5 route \'wiki\': unknown key "timout", did you mean "timeout" (which belongs in "request_optimization")'],
  ],
  [
    'a key in the wrong block',
    ['timeout: 5s', 'limits: { max_size: 3 }'],
    [
      '4:5 route \'wiki\': unknown key "timeout" here, it belongs in "request_optimization"',
      '5:15 route \'wiki\': unknown key "max_size" here, it belongs in "connection_pools"',
    ],
  ],
  [
    'a page that may frame the app, with a path or more than one value',
    ['security_headers: { frames: ["https://a/b", "https://a; script-src *"] }'],
    [
      `4:34 route 'wiki': "frames": expected scheme, host and port of a page: "https://dash.home.arpa", found "https://a/b"`,
      `4:49 route 'wiki': "frames": expected scheme, host and port of a page: "https://dash.home.arpa", found "https://a; script-src *"`,
    ],
  ],
  ['a rate limit without a number', ['rate_limit: true'], ['4:5 route \'wiki\': missing key "requests"']],
  [
    'a global key on a route',
    ['trusted_proxies: []'],
    ['4:5 route \'wiki\': unknown key "trusted_proxies" here, it belongs at the top level of the file'],
  ],
  [
    'a duration without a unit',
    ['connection_pools: { max_idle: 30 }', 'request_optimization: { timeout: "30" }'],
    [
      '4:35 route \'wiki\': "max_idle": needs a unit: write 30s or 30ms',
      '5:38 route \'wiki\': "timeout": needs a unit: write 30s or 30ms',
    ],
  ],
  [
    'quantities out of bounds',
    ['connection_pools: { max_size: 0, ttl: 10ms }', 'limits: { connect_timeout: 30d, body_size: 0 }'],
    [
      '4:35 route \'wiki\': "max_size": expected a whole number from 1 to 65535, found "0"',
      '4:43 route \'wiki\': "ttl": expected a duration from 1s to 24d, found "10ms"',
      '5:32 route \'wiki\': "connect_timeout": expected a duration from 1ms to 1h, found "30d"',
      '5:48 route \'wiki\': "body_size": expected a size from 1B, or none, found "0"',
    ],
  ],
  [
    'values of the wrong kind',
    [
      'deny: yes',
      'balance: random',
      'connection_pools: 5',
      'protocol: { http2_enabled: 1, client: [native] }',
      'preset: 5',
    ],
    [
      '4:11 route \'wiki\': "deny": expected true or false, found "yes"',
      '5:14 route \'wiki\': "balance": expected round_robin, least_requests, p2c, hash_client or hash_cookie, found "random"',
      '6:23 route \'wiki\': "connection_pools": expected a block of keys (max_size, min_size, max_idle, ttl), or false, found "5"',
      '7:32 route \'wiki\': "http2_enabled": expected true or false, found "1"',
      '7:43 route \'wiki\': "client": expected one value, found a list',
      '8:13 route \'wiki\': "preset": expected a text: write "5" in quotes',
    ],
  ],
  [
    'values that are missing',
    ['deny:', 'rewrite_path:', 'match: { host: [] }'],
    [
      '4:10 route \'wiki\': "deny": expected true or false, found nothing',
      '5:18 route \'wiki\': "rewrite_path": expected a text, found nothing',
      '6:20 route \'wiki\': "host": the list is empty',
    ],
  ],
  [
    'an item of a list',
    ['compression: { algorithms: [zstd, deflate, gzip], types: [Image/*, text] }', 'retry: { statuses: [502, 9999] }'],
    [
      '4:39 route \'wiki\': "algorithms": expected zstd, brotli or gzip, found "deflate"',
      '4:72 route \'wiki\': "types": expected a media type as "text/html" or "image/*", found "text"',
      '5:30 route \'wiki\': "statuses": expected a whole number from 400 to 599, found "9999"',
    ],
  ],
  [
    'a host with a port and a path with a star',
    ['match: { host: [a.home.arpa, "wiki.home.arpa:80"], path: /notes/* }'],
    [
      '4:34 route \'wiki\': "host": ports belong in "listen": write "wiki.home.arpa"',
      '4:62 route \'wiki\': "path": a path is a prefix by itself: write "/notes"',
    ],
  ],
  [
    'header rules',
    ['headers: { request: { set: { X-A: 1, Connection: close, X-B: "a\\nb" }, remove: [Host] } }'],
    [
      '4:42 route \'wiki\': "set": "Connection" belongs to the connection and cannot be changed',
      '4:66 route \'wiki\': "X-B": a header field holds one line of Latin-1 characters',
      '4:85 route \'wiki\': "remove": the Host of a request is set by "headers.host": preserve, upstream or a text',
    ],
  ],
  [
    'a key twice and a merge key',
    ['limits: { idle_timeout: 1s }', 'limits: { idle_timeout: 2s }', '<<: {}'],
    [
      '5:5 route \'wiki\': "limits": stands here a second time (first in line 4)',
      '6:5 route \'wiki\': "<<" is not read: what routes have in common belongs under "defaults"',
    ],
  ],
  [
    'a switch that is neither block nor false',
    ['cache: maybe', 'compression: []'],
    [
      '4:12 route \'wiki\': "cache": expected a block of keys, or false, found "maybe"',
      '5:18 route \'wiki\': "compression": expected a block of keys, found a list',
    ],
  ],
]

for (const [title, lines, problems] of onRoute)
  t.test(`${title} is told with its place and a remedy`, async t => {
    t.strictSame(problemLines(withRoute(...lines)), problems)
  })

const caches: [title: string, lines: string[], problems: string[]][] = [
  [
    'a key as a list',
    ['cache: { key: [X-Device] }'],
    ['4:19 route \'wiki\': "key": expected a block of keys (headers, cookies, ignore_query, host), found a list'],
  ],
  [
    'a query that is neither list nor all',
    ['cache: { key: { ignore_query: utm_source } }'],
    ['4:35 route \'wiki\': "ignore_query": expected a list, or all, found "utm_source"'],
  ],
  [
    'an odd name in a list of the key',
    ['cache: { key: { ignore_query: [fbclid, "*"], headers: [Cookie] } }'],
    [
      '4:44 route \'wiki\': "ignore_query": for the whole query write "ignore_query: all"',
      '4:60 route \'wiki\': "headers": cookies have names: write them under "key.cookies"',
    ],
  ],
  [
    'a global key of the cache on a route',
    ['store: memory', 'cache: { memory: 1MiB }'],
    [
      '4:5 route \'wiki\': unknown key "store" here, it belongs at the top level of the file',
      '5:14 route \'wiki\': unknown key "memory" here, it belongs in "store_limits" at the top level of the file',
    ],
  ],
]

for (const [title, lines, problems] of caches)
  t.test(`${title} is told with its place`, async t => {
    t.strictSame(problemLines(withRoute(...lines)), problems)
  })

const files: [title: string, text: string, problems: string[]][] = [
  ['an empty file', '', ['1:1 the file is empty: it needs "routes"']],
  ['a file of comments', '# nothing\n', ['1:1 the file is empty: it needs "routes"']],
  ['a text', 'hello', ['1:1 expected a block of keys, found "hello"']],
  ['a list', '- a\n- b', ['1:1 expected a block of keys, found a list']],
  ['a file without routes', 'listen: { port: 1 }', ['1:1 missing key "routes"']],
  ['routes that are no list', 'routes:\n  wiki: {}', ['2:3 "routes": expected a list, found a block of keys']],
  [
    'broken YAML',
    'routes: []\nlisten: { port: 1\n',
    ['2:18 not valid YAML: Flow map in block collection must be sufficiently indented and end with a }'],
  ],
  ['a tab', 'routes:\n\t- name: a\n', ['2:1 not valid YAML: Tabs are not allowed as indentation']],
  [
    'two documents',
    'routes: []\n---\nroutes: []\n',
    ['2:1 a second document begins here: one file holds one configuration'],
  ],
  ['an unknown tag', 'routes: !include x.yaml\n', ['1:9 not valid YAML: Unresolved tag: !include']],
  [
    'routes that are no routes',
    'routes:\n  - wiki\n  - upstream: http://a\n  - name: c\n',
    [
      '2:5 route \'#1\': "routes": expected a block of keys, found "wiki"',
      '3:5 route \'#2\': missing key "name"',
      '4:5 route \'c\': missing key "upstream": write where its requests go, or "deny: true"',
      "4:5 route 'c': */ already belongs to route '#2' in line 3",
    ],
  ],
  [
    'a name that is taken',
    'routes:\n  - { name: a, upstream: http://a, match: { path: /a } }\n  - { name: a, upstream: http://b, match: { path: /b } }\n',
    ['3:13 route \'a\': the name "a" is taken by the route in line 2'],
  ],
  [
    'two routes for one host and path',
    'routes:\n  - { name: a, upstream: http://a, match: { host: [x.arpa, Y.arpa.], path: /p/ } }\n  - { name: b, upstream: http://b, match: { host: [z.arpa, y.arpa], path: /p } }\n',
    ["3:60 route 'b': y.arpa/p already belongs to route 'a' in line 2"],
  ],
  [
    'an upstream that is the gateway itself',
    'listen: [{ port: 8080 }, { host: "::", port: 8443 }]\nroutes:\n  - name: a\n    upstream: [http://127.0.0.1:3000, http://localhost:8080]\n  - { name: b, match: { path: /b }, upstream: "https://[::1]:8443" }\n  - { name: c, match: { path: /c }, upstream: http://127.0.0.1:9900 }\n',
    [
      "4:39 route 'a': \"upstream\": localhost:8080 is the gateway's own listener (127.0.0.1:8080): requests would go round in circles",
      "5:47 route 'b': \"upstream\": [::1]:8443 is the gateway's own listener ([::]:8443): requests would go round in circles",
      "6:47 route 'c': \"upstream\": 127.0.0.1:9900 is the gateway's own admin listener (127.0.0.1:9900): requests would go round in circles",
    ],
  ],
  [
    'two listeners at one address',
    'listen:\n  - { port: 8080 }\n  - { host: 0.0.0.0, port: 8080 }\nadmin: { port: 8080 }\nroutes: []\n',
    ['3:5 0.0.0.0:8080 is taken by the listener in line 2', '4:8 127.0.0.1:8080 is taken by the listener in line 2'],
  ],
  [
    'an admin listener that everybody reaches without a token',
    'admin: { host: 0.0.0.0 }\nroutes: []\n',
    ['1:16 "host": 0.0.0.0 can be reached by others, so "token" is needed beside it, or host 127.0.0.1'],
  ],
  [
    'a bad CIDR',
    'trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.0/40\nroutes: []\n',
    ['3:5 "trusted_proxies": the part after "/" is a number from 0 to 32'],
  ],
  ['half a certificate', 'listen: { tls: { cert: a.pem } }\nroutes: []\n', ['1:16 missing key "key"']],
  [
    'a route block at the top',
    'cache: false\nroutes: []\n',
    ['1:1 unknown key "cache" here, it belongs on a route or under "defaults"'],
  ],
  [
    'a store that cannot be read, without what may be a password in it',
    'store: redis://:hunter2@host/x\nroutes: []\n',
    [
      '1:8 "store": expected one of memory, disk:FOLDER, redis://[user:password@]host:6379/6, redis+sentinel://host:26379,host2/NAME/6, redis+cluster://host:6379,host2 (rediss in place of redis for TLS)',
    ],
  ],
  [
    'a store without room',
    'store_limits: { size: 1KiB }\nroutes: []\n',
    ['1:23 "size": expected a size from 64KiB to 1024TiB, found "1KiB"'],
  ],
  [
    'a store in memory without memory',
    'store_limits: { memory: off }\nroutes: []\n',
    ['1:25 "memory": off leaves no room for "store: memory": give it a size, or switch caches off by "cache: false"'],
  ],
  [
    'mistakes under defaults',
    'defaults:\n  health: { hold: 8 }\n  name: x\nroutes: []\n',
    [
      '2:19 "hold": needs a unit: write 8s or 8ms',
      '3:3 unknown key "name" here, it belongs on a route or under "defaults"',
    ],
  ],
  [
    'a redirect without anywhere to go',
    'listen: { redirect: https }\nroutes: []\n',
    ['1:21 "redirect": no listener has "tls": add one, or name the port that others see https on'],
  ],
  [
    'a redirect of a listener that speaks https',
    'listen: { redirect: 443, tls: { cert: a, key: b } }\nroutes: []\n',
    ['1:21 "redirect": this listener speaks https already; it belongs to a plain one'],
  ],
  [
    'HSTS for the preload list that is too short',
    'routes:\n  - { name: a, upstream: http://a, hsts: { preload: true, include_subdomains: true } }\n',
    [
      '2:53 route \'a\': "preload": the list takes names with "max_age: 365d" at least and "include_subdomains: true" only',
    ],
  ],
  [
    'a certificate from nowhere and one from two places',
    'listen:\n  - { port: 1, tls: {} }\n  - { port: 2, tls: { local_ca: true, cert: a, key: b } }\n  - { port: 3, tls: { cert: a } }\nroutes: []\n',
    [
      '2:21 "tls": no certificate: write "cert" and "key", "local_ca: true" or "acme: true"',
      '3:21 "tls": one of them: write "cert" and "key", "local_ca: true" or "acme: true"',
      '4:21 missing key "key"',
    ],
  ],
  [
    'ACME without an account',
    'listen: [{ port: 1 }, { port: 2, tls: { acme: true } }]\nroutes: []\n',
    ['1:39 "acme": needs the global key "acme: { email: …, agree: true }"'],
  ],
  [
    'names that ACME cannot give',
    'listen: [{ port: 1 }, { port: 2, tls: { acme: true, hosts: [a.example.org, "*.example.org", nas.lan] } }]\nacme: { email: a@b.c, agree: true }\nroutes: []\n',
    [
      '1:76 "hosts": a certificate for *.example.org needs "challenge: dns-01" and a name of the public DNS',
      '1:93 "hosts": a certificate for nas.lan is not to be had: it is no name of the public DNS',
    ],
  ],
  [
    'an account that lacks something',
    'listen: { tls: { acme: true } }\nacme: { email: me, agree: false, directory: "http://ca" }\nroutes: []\n',
    [
      '2:16 "email": expected an e-mail address, such as me@example.org, found "me"',
      '2:45 "directory": expected letsencrypt, letsencrypt-staging or an address that begins with https://, found "http://ca"',
    ],
  ],
  [
    'an account without consent, and a challenge that nobody answers',
    'listen: { tls: { acme: true } }\nacme: { email: a@b.c, agree: false }\nroutes: []\n',
    [
      '2:7 "challenge": http-01 is answered on a plain listener that others reach on port 80: add one, or choose another challenge',
      '2:30 "agree": read the terms of service of the authority and write true to accept them',
    ],
  ],
  [
    'a challenge without its command',
    'listen: { tls: { acme: true } }\nacme: { email: a@b.c, agree: true, challenge: dns-01 }\nroutes: []\n',
    ['2:47 "challenge": dns-01 needs "dns_hook", the command that sets the record'],
  ],
  [
    'an alias without an anchor',
    'routes: [*nothing]\n',
    ['1:10 route \'#1\': "routes": no anchor "&nothing" stands above'],
  ],
]

for (const [title, text, problems] of files)
  t.test(`${title} is told with its place`, async t => {
    t.strictSame(problemLines(text), problems)
  })

t.test('secrets are not repeated in what is said about them', async t => {
  const text =
    'admin: { token: "hunter 2" }\nredis: { url: "http://:hunter2@redis" }\nstore: "x:hunter2"\nroutes:\n  - { name: a, upstream: "me:hunter2@nas:80" }\n'
  const lines = problemLines(text)
  t.equal(lines.length, 4)
  t.notMatch(lines.join('\n'), /hunter/)
})

t.test('what is said fits one line without control characters', async t => {
  for (const line of problemLines('"\\e[31m\\nx\u202e": 1\nroutes: ["\\e[2J"]\n')) t.match(line, /^[\x20-\x7e\ufffd]+$/)
})

t.test('aliases are followed, and bounded', async t => {
  t.strictSame(
    problemLines(
      'routes:\n  - { name: a, match: &m { path: /a }, upstream: &u http://a }\n  - { name: b, match: { path: /b }, upstream: *u }\n',
    ),
    [],
  )
  const level = (n: number) => `  l${n}: &l${n} [${Array.from({ length: 9 }, () => `*l${n - 1}`).join(', ')}]`
  const bomb = [
    'defaults:',
    '  l0: &l0 [x]',
    ...Array.from({ length: 9 }, (_, i) => level(i + 1)),
    'trusted_proxies: *l9',
    'routes: []',
  ]
  t.equal(problemLines(bomb.join('\n')).filter(line => line.endsWith('found a list')).length, 9)
  const wide = `trusted_proxies: &p [${'10.0.0.1, '.repeat(2000)}]\nroutes:\n${Array.from({ length: 500 }, (_, i) => `  - { name: r${i}, match: { host: h${i}, path: /x }, upstream: http://a, headers: { request: { remove: *p } } }`).join('\n')}`
  t.match(
    problemLines(wide.replaceAll('10.0.0.1', 'X-Field')).join('\n'),
    /too many values: aliases repeat them over and over/,
  )
})
