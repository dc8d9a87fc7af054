import fc from 'fast-check'
import t from 'tap'
import { isIdentityField, wayFields } from '../../../plugins/contract/index.ts'
import { hopByHop, ownRequestFields } from '../../../plugins/proxy/fields.ts'
import { applyRules, requestHead } from '../../../plugins/proxy/request-head.ts'
import {
  facts,
  flat,
  type Line,
  nominating,
  pairs,
  plainNames,
  spelled,
  underscored,
  untrusted,
  value,
  valuesOf,
} from './support.ts'

const trustedFacts = {
  ...facts,
  client: { ...untrusted, peer: '10.0.0.1', address: '198.51.100.7', proto: 'https', port: 443, isPeerTrusted: true },
} as const

/** Identity names as home apps know them; the prefixes stand for whole families. */
const identity = [
  ...['Remote-User', 'Remote-Groups', 'X-Remote-User', 'X-Webauth-User', 'X-Webauth-Role', 'X-Forwarded-User'],
  ...[
    'X-Forwarded-Email',
    'X-Forwarded-Groups',
    'X-Forwarded-Access-Token',
    'X-Ssl-Client-Verify',
    'X-Token-User-Name',
  ],
  ...['X-Auth-Request-User', 'X-Authentik-Username', 'X-Authelia-Whatever', 'X-Vouch-User', 'X-Pomerium-Claim-Email'],
]
const written = [
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Real-IP',
  'Forwarded',
]

t.test('the head of a plain request', async t => {
  const raw = flat([
    ['hOST', 'wiki.home.arpa'],
    ['User-Agent', 'curl'],
    ['accept', '*/*'],
    ['Accept', 'text/html'],
    ['Content-Length', '5'],
    ['Expect', '100-continue'],
    ['Connection', 'keep-alive, X-Gone'],
    ['X-Gone', '1'],
    ['TE', 'trailers'],
    ['Proxy-Authorization', 'Basic x'],
    ['Cookie', 'a=1'],
    ['Cookie', 'b=2'],
  ])
  t.strictSame(pairs(requestHead(raw, facts)), [
    ['Host', 'wiki.home.arpa'],
    ['User-Agent', 'curl'],
    ['accept', '*/*'],
    ['Accept', 'text/html'],
    ['Cookie', 'a=1; b=2'],
    ['X-Forwarded-For', '203.0.113.9'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'wiki.home.arpa'],
    ['X-Forwarded-Port', '80'],
    ['X-Real-IP', '203.0.113.9'],
    ['Forwarded', 'for=203.0.113.9;host=wiki.home.arpa;proto=http'],
    ['Via', '1.1 hearthgate'],
    ['X-Request-Id', 'id-1'],
  ])
})

t.test('what a trusted proxy says is continued, not replaced', async t => {
  const raw = flat([
    ['X-Forwarded-For', '198.51.100.7'],
    ['x-forwarded-for', '10.9.9.9'],
    ['Forwarded', 'for=198.51.100.7'],
    ['Via', '2 front'],
    ['X-Forwarded-Prefix', '/outer'],
    ['Remote-User', 'anna'],
    ['X-Forwarded-Ssl', 'on'],
    ['X_Forwarded_For', '6.6.6.6'],
    ['Keep-Alive', 'x'],
  ])
  const head = requestHead(raw, { ...trustedFacts, strippedPrefix: '/notes' })
  const wanted: Line[] = [
    ['X-Forwarded-For', '198.51.100.7, 10.9.9.9, 10.0.0.1'],
    ['Forwarded', 'for=198.51.100.7, for=10.0.0.1;host=wiki.home.arpa;proto=https'],
    ['Via', '2 front, 1.1 hearthgate'],
    ['X-Real-IP', '198.51.100.7'],
    ['X-Forwarded-Prefix', '/outer/notes'],
    ['Remote-User', 'anna'],
    ['X-Forwarded-Ssl', 'on'],
  ]
  for (const [name, text] of wanted) t.strictSame(valuesOf(head, name), [text], name)
  t.notOk(pairs(head).some(([name]) => name.includes('_') || name === 'Keep-Alive'))
})

t.test('single rules', async t => {
  const grpc: Line = ['Content-Type', 'application/grpc+proto']
  const cases: [string, Line[], string, string[]][] = [
    ['TE for gRPC', [grpc, ['te', 'trailers']], 'te', ['trailers']],
    ['TE for gRPC, nominated as it must be', [grpc, ['Connection', 'TE'], ['TE', 'trailers']], 'te', ['trailers']],
    ['another TE', [grpc, ['te', 'gzip']], 'te', []],
    ['TE without gRPC', [['te', 'trailers']], 'te', []],
    ['pseudo fields of HTTP/2', [[':authority', 'evil']], ':authority', []],
    [
      'HTTP/2 cookies',
      [
        ['cookie', 'a=1'],
        ['accept', 'x'],
        ['cookie', 'b=2'],
      ],
      'cookie',
      ['a=1; b=2'],
    ],
    ['another Host', [['Host', 'evil.example']], 'host', ['wiki.home.arpa']],
    [
      'Upgrade',
      [
        ['Connection', 'upgrade'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'x'],
      ],
      'upgrade',
      [],
    ],
    ['Trailer', [['Trailer', 'x-sum']], 'trailer', []],
    ['an empty value', [['X-App-One', '']], 'x-app-one', ['']],
    ['a prefix by a stranger', [['X-Forwarded-Prefix', '/evil']], 'x-forwarded-prefix', []],
    ['a proxy for CGI programs', [['Proxy', 'http://evil.example']], 'proxy', []],
    ['an address for PHP', [['Client-IP', '6.6.6.6']], 'client-ip', []],
    ['a method for a server that decides', [['X-Forwarded-Method', 'GET']], 'x-forwarded-method', []],
    ['a request id by a stranger', [['X-Request-Id', 'evil']], 'x-request-id', ['id-1']],
    [
      'a rewritten URL',
      [
        ['X-Original-URL', '/admin'],
        ['X-Rewrite-URL', '/admin'],
      ],
      'x-original-url',
      [],
    ],
  ]
  for (const [name, lines, field, wanted] of cases) {
    t.strictSame(valuesOf(requestHead(flat(lines), facts), field), wanted, name)
  }
  t.strictSame(valuesOf(requestHead([], { ...facts, strippedPrefix: '/notes' }), 'x-forwarded-prefix'), ['/notes'])
})

t.test('addresses and hosts stand in Forwarded as RFC 7239 wants them', async t => {
  const cases: [string, string, string][] = [
    ['2001:db8::1', 'wiki', 'for="[2001:db8::1]";host=wiki;proto=http'],
    ['1.2.3.4', 'wiki:8080', 'for=1.2.3.4;host="wiki:8080";proto=http'],
    ['1.2.3.4', '[::1]', 'for=1.2.3.4;host="[::1]";proto=http'],
  ]
  for (const [peer, host, wanted] of cases) {
    const head = requestHead([], { ...facts, client: { ...untrusted, peer, host } })
    t.strictSame(valuesOf(head, 'forwarded'), [wanted])
  }
})

t.test('a Host field cannot add to Forwarded', async t => {
  // A gateway refuses such hosts; a bare app gets whatever Node lets through.
  const cases: [string, string][] = [
    ['x;for=6.6.6.6', 'host="x;for=6.6.6.6"'],
    ['x, for=6.6.6.6', 'host="x, for=6.6.6.6"'],
    ['x for=6.6.6.6', 'host="x for=6.6.6.6"'],
    ['x:80";for="6.6.6.6', 'host="x:80\\";for=\\"6.6.6.6"'],
    ['x:\\', 'host="x:\\\\"'],
    ['', 'host=""'],
  ]
  for (const [host, wanted] of cases) {
    const head = requestHead([], { ...facts, client: { ...untrusted, host } })
    t.strictSame(valuesOf(head, 'forwarded'), [`for=203.0.113.9;${wanted};proto=http`], host)
  }
})

t.test("a route's own rules come last and win", async t => {
  const head = ['Host', 'wiki', 'X-A', '1', 'x-a', '2', 'X-B', '3']
  t.equal(applyRules(head, { set: {}, remove: [] }), head, 'nothing to do')
  t.strictSame(applyRules(head, { set: { 'x-A': '9' }, remove: ['x-b', 'X-None'] }), ['Host', 'wiki', 'x-A', '9'])
  const own = requestHead([], { ...facts, rules: { set: { 'X-Real-IP': 'hidden' }, remove: ['forwarded'] } })
  t.strictSame(valuesOf(own, 'x-real-ip'), ['hidden'])
  t.strictSame(valuesOf(own, 'forwarded'), [])
})

const dangerous = [...identity, ...written, ...wayFields, 'Via', 'X-Request-Id', 'X-Forwarded-Prefix', 'Host']
const attempts = fc.array(
  fc.oneof(
    fc.tuple(spelled(dangerous), value),
    fc.tuple(underscored(dangerous), value),
    nominating([...dangerous, ...plainNames, 'host', 'content-length']),
    fc.tuple(spelled([...hopByHop]), value),
    fc.tuple(fc.constantFrom(...plainNames), value),
  ),
  { maxLength: 14 },
)

t.test('a stranger never influences what the origin reads about it, however it spells or nominates', async () => {
  const untouched = requestHead([], facts)
  fc.assert(
    fc.property(attempts, lines => {
      const head = requestHead(flat(lines), facts)
      for (const name of [...written, 'Host', 'X-Request-Id', 'X-Forwarded-Prefix']) {
        if (valuesOf(head, name).join('|') !== valuesOf(untouched, name).join('|')) return false
      }
      // As an origin sees names that maps them to variables: no case, dash and underscore the same.
      const seen = pairs(head).map(([name]) => name.toLowerCase().replaceAll('_', '-'))
      return (
        seen.every(name => !isIdentityField(name) && !wayFields.has(name)) &&
        noneTwice(seen, [...written, 'Host', 'Via'])
      )
    }),
    { numRuns: 500 },
  )
})

function noneTwice(seen: readonly string[], names: readonly string[]): boolean {
  return names.every(name => seen.filter(other => other === name.toLowerCase()).length === 1)
}

t.test('Via keeps who came before and ends with us, once', async () => {
  fc.assert(
    fc.property(attempts, lines => {
      const before = lines.flatMap(([name, text]) => (name.toLowerCase() === 'via' ? [text] : []))
      const via = valuesOf(requestHead(flat(lines), facts), 'via')
      return via.length === 1 && via[0] === [...before, '1.1 hearthgate'].join(', ')
    }),
  )
})

t.test('no field of the connection and none that is nominated passes, from a stranger or a trusted proxy', async () => {
  fc.assert(
    fc.property(attempts, fc.boolean(), (lines, isTrusted) => {
      const head = pairs(requestHead(flat(lines), isTrusted ? trustedFacts : facts)).map(([name]) => name.toLowerCase())
      const nominated = new Set(
        lines.flatMap(([name, text]) =>
          name.toLowerCase() === 'connection' ? text.split(',').map(token => token.trim().toLowerCase()) : [],
        ),
      )
      return head.every(name => !hopByHop.has(name) && (ownRequestFields.has(name) || !nominated.has(name)))
    }),
    { numRuns: 500 },
  )
})

t.test('all other fields keep their order, spelling and repetition', async () => {
  fc.assert(
    fc.property(attempts, lines => {
      const nominated = lines.some(([name]) => name.toLowerCase() === 'connection')
      fc.pre(!nominated)
      const plain = (head: [string, string][]) => head.filter(([name]) => plainNames.includes(name))
      const passed = plain(pairs(requestHead(flat(lines), facts)))
      return JSON.stringify(passed) === JSON.stringify(plain(lines.map(([name, text]) => [name, text])))
    }),
  )
})
