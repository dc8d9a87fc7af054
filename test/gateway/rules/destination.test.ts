import fc from 'fast-check'
import t from 'tap'
import { compileRoutes, type RoutingRule } from '../../../gateway/routing/index.ts'
import { type DavDecision, type DavQuestion, decideDav } from '../../../gateway/rules/destination.ts'

const rule = (name: string, path: string, more: Partial<RoutingRule> = {}): RoutingRule => ({
  name,
  match: { hosts: ['home.test'], path },
  deny: false,
  rewritePath: null,
  fault: null,
  ...more,
})

const cloud = rule('cloud', '/cloud', { rewritePath: '/dav' })
const table = compileRoutes([rule('root', '/'), cloud, rule('secret', '/cloud/secret', { deny: true })])
const question: DavQuestion<RoutingRule> = {
  table,
  isOfApp: route => route === cloud,
  host: 'home.test',
  path: '/cloud/db/doc',
  client: { host: 'home.test:8443' },
  origin: 'http://cloud:80',
}
const decide = (destination: string, more: Partial<DavQuestion<RoutingRule>> = {}) =>
  shown(decideDav({ destination, condition: undefined }, { ...question, ...more }))
const shown = (decision: DavDecision) =>
  decision.kind === 'pass' ? ({ kind: 'pass', set: decision.set } as const) : decision
const rewritten = (address: string) => ({ kind: 'pass', set: { Destination: address } }) as const
const PASS = { kind: 'pass', set: null } as const

const cases: [title: string, destination: string, decision: unknown][] = [
  ['a whole address', 'https://home.test:8443/cloud/a%20b?x=1', rewritten('http://cloud:80/dav/a%20b?x=1')],
  ['the scheme that a proxy in front has ended', 'http://home.test:8443/cloud/a', rewritten('http://cloud:80/dav/a')],
  ['another letter case of the host', 'https://HOME.test:8443/cloud/a', rewritten('http://cloud:80/dav/a')],
  ['a path alone', '/cloud/a', rewritten('http://cloud:80/dav/a')],
  ['dot segments that stay inside', '/cloud/x/../a', rewritten('http://cloud:80/dav/a')],
  ['another host, which the origin judges', 'https://other.test/cloud/a', PASS],
  ['another port, which the origin judges', 'https://home.test:9/cloud/a', PASS],
  ['another app', 'https://home.test:8443/wiki/a', { kind: 'refuse', status: 502, reason: 'destination-elsewhere' }],
  ['the end of the mount', '/cloud/../wiki', { kind: 'refuse', status: 502, reason: 'destination-elsewhere' }],
  ['what is denied', '/cloud/secret/a', { kind: 'refuse', status: 403, reason: 'destination-denied' }],
  ['what is denied, in escapes', '/cloud/%73ecret/a', { kind: 'refuse', status: 403, reason: 'destination-denied' }],
  [
    'what is denied, by another host',
    'http://x/cloud/secret',
    { kind: 'refuse', status: 403, reason: 'destination-denied' },
  ],
  ['a name beside that of the request', 'copy?rev=1-a', PASS],
  ['one with a colon', 'org.couchdb.user:joe', PASS],
  ['a relative path to what is denied', '../%73ecret/a', { kind: 'refuse', status: 403, reason: 'destination-denied' }],
  ['a relative path out of the mount', '../../wiki', { kind: 'refuse', status: 502, reason: 'destination-elsewhere' }],
  [
    'a relative path that hides its climb',
    '..%2fsecret',
    { kind: 'refuse', status: 400, reason: 'destination-malformed' },
  ],
  ['a hidden climb', '/cloud/..%2fsecret', { kind: 'refuse', status: 400, reason: 'destination-malformed' }],
  ['two of them', '/cloud/a, /cloud/b', { kind: 'refuse', status: 400, reason: 'destination-malformed' }],
  ['nothing', '', { kind: 'refuse', status: 400, reason: 'destination-malformed' }],
  ['a fragment', '/cloud/a#b', { kind: 'refuse', status: 400, reason: 'destination-malformed' }],
]

for (const [title, destination, decision] of cases) {
  t.test(`a Destination that is ${title} gives ${JSON.stringify(decision)}`, async t => {
    t.strictSame(decide(destination), decision)
  })
}

t.test('what a Destination changes in the app is told, by whatever host it is named', async t => {
  const target = (destination: string) => {
    const decision = decideDav({ destination, condition: undefined }, question)
    return decision.kind === 'pass' ? decision.target : null
  }
  t.equal(target('/cloud/a'), '/dav/a')
  t.equal(target('http://other.test/cloud/a'), '/dav/a')
  t.equal(target('a'), '/dav/db/a')
  t.equal(target('http://other.test/elsewhere'), '/elsewhere')
})

t.test('usual ports count as none', async t => {
  const client = { host: 'home.test' }
  t.strictSame(decide('https://home.test:443/cloud/a', { client }), rewritten('http://cloud:80/dav/a'))
})

t.test('without a rewrite only what is denied is refused', async t => {
  t.strictSame(decide('https://home.test:8443/cloud/a', { origin: null }), PASS)
  t.strictSame(decide('https://home.test:8443/wiki/a', { origin: null }), PASS)
  t.match(decide('/cloud/secret', { origin: null }), { kind: 'refuse', status: 403 })
})

const conditions: [condition: string, sent: string | null][] = [
  ['(["tag"])', null],
  ['(<urn:uuid:1>)', null],
  ['<https://home.test:8443/cloud/a> (<urn:uuid:1> ["t"])', '<http://cloud:80/dav/a> (<urn:uuid:1> ["t"])'],
  [
    '</cloud/a> (Not <DAV:no-lock>) </cloud/b> (["t"])',
    '<http://cloud:80/dav/a> (Not <DAV:no-lock>) <http://cloud:80/dav/b> (["t"])',
  ],
  ['<https://other.test/cloud/a> (["t"])', null],
  ['<https://home.test:8443/wiki> (["t"])', null],
  ['<<<<', null],
]

for (const [condition, sent] of conditions) {
  t.test(`the If field ${condition} goes up ${sent === null ? 'unchanged' : `as ${sent}`}`, async t => {
    const decision = decideDav({ destination: undefined, condition }, question)
    t.strictSame(shown(decision), { kind: 'pass', set: sent === null ? null : { If: sent } })
  })
}

t.test('no spelling of a Destination leads past a deny rule or out of the mount', async t => {
  const piece = fc.constantFrom(
    '/',
    'cloud',
    'secret',
    '%73ecret',
    'x',
    '..',
    '.',
    '%2f',
    '\\',
    '%5c',
    ';a',
    '//',
    '%2e',
    '%00',
  )
  const paths = fc.array(piece, { minLength: 1, maxLength: 10 }).map(pieces => `/cloud/${pieces.join('')}`)
  const holds = fc.property(paths, path => {
    const decision = decide(path)
    if (decision.kind === 'refuse' || decision.set === null) return true
    const sent = decision.set['Destination']?.slice('http://cloud:80'.length) ?? ''
    const resolved = new URL(`http://x${sent.replaceAll('\\', '/')}`).pathname
    return resolved.startsWith('/dav') && !/^\/dav\/+secret(?:[/;\0]|$)/.test(decodeURIComponent(resolved))
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 2000 }))
})
