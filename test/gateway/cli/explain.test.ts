import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { type ExplainArguments, runExplain } from '../../../gateway/cli/explain.ts'

const GOOD = `
routes:
  - name: wiki
    match: { host: wiki.home.arpa, path: /notes }
    upstream: [ { url: 'http://127.0.0.1:3000', weight: 3 }, 'http://127.0.0.1:3001' ]
    rewrite_path: /base
    headers: { response: { remove: [Server] } }
    cache: { max_object_size: 1MiB }
    compression: false
  - { name: shut, match: { path: /shut }, deny: true }
`

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(
  t: Pick<typeof import('tap').t, 'teardown'>,
  text: string,
  given: Partial<ExplainArguments> & { color?: boolean } = {},
): Run {
  const cwd = mkdtempSync(join(tmpdir(), 'hearthgate-explain-'))
  t.teardown(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'gateway.yaml'), text)
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const { color = false, ...asked } = given
  const request = { method: 'GET', url: 'http://wiki.home.arpa/notes/x?token=hunter2', headers: [] }
  const code = runExplain(
    { config: 'gateway.yaml', json: false, partial: false, ...request, ...asked },
    { stdout, stderr, cwd, env: {}, color },
  )
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

t.test('a request is explained in aligned lines', async t => {
  const { code, out, err } = run(t, GOOD, { headers: ['Remote-User: root', 'Accept: */*'] })
  t.equal(code, 0)
  t.equal(err, '')
  t.match(out, /^GET http:\/\/wiki\.home\.arpa\/notes\/x\?token=\*\*\*\n {2}route {3}wiki \(host-exact\)\n/)
  t.match(out, '  target  /base/x?token=***\n  host    wiki.home.arpa\n')
  t.match(out, '  origin  http://127.0.0.1:3000 x3, http://127.0.0.1:3001\n')
  t.match(out, '  ROUTE  HOST            PATH    VERDICT\n  wiki   wiki.home.arpa  /notes  takes the request\n')
  t.match(out, /\n {2}- Remote-User {2}says who the user is/)
  t.match(out, /\n {2}\+ X-Forwarded-For: 127\.0\.0\.1 +addresses/)
  t.match(out, /\n {2}- Server {2}headers\.response\.remove of the route\n/)
  t.match(out, /\n {2}connect_timeout +3s +connecting to the origin/)
  t.match(out, /\n {2}body_size +none +in the body/)
  t.match(
    out,
    /\n {2}CACHE\n {2}looked up {2}yes: a GET or HEAD without a body \(RFC 9111 §4\)\n {2}key {8}route: wiki\n/,
  )
  t.match(out, /\n {13}target: \/base\/x\?token=\*\*\*\n/)
  t.match(out, /\n {2}stored {5}yes, unless the answer\n {13}- has neither a lifetime nor a validator .*RFC 9111/)
  t.match(out, /\n {2}set {8}max_object_size 1MiB\n {2}default {4}heuristic_freshness off, stale_while_revalidate off/)
  t.match(out, /\n {2}compression +off\n/)
})

t.test('a cache that is off says so, and a request that is not for it says why', async t => {
  t.match(
    run(t, GOOD.replace('cache: { max_object_size: 1MiB }', 'cache: false')).out,
    '  CACHE\n  off  cache: false\n',
  )
  const { out } = run(t, GOOD, { method: 'PUT' })
  t.match(out, '  looked up  no: the method may change something (RFC 9111 §4.4)\n')
  t.match(out, '  stored     no: the method may change something (RFC 9111 §4.4)\n')
  t.notMatch(out, / {2}key /)
})

t.test('a refusal says the answer and the cause', async t => {
  const { code, out } = run(t, GOOD, { url: 'http://wiki.home.arpa/shut' })
  t.equal(code, 0)
  t.match(out, '  answer   403 HG_DENIED: this address is denied here\n  because  the deny rule "shut" matches\n')
  t.notMatch(out, /SENT|LIMITS/)
})

t.test('colours are used where they are asked for only', async t => {
  t.notMatch(run(t, GOOD).out, '\u001b[')
  t.match(run(t, GOOD, { color: true }).out, '\u001b[1mGET')
})

t.test('nothing in a request acts on the terminal', async t => {
  const url = 'http://wiki.home.arpa/notes/\u001b[31m?\u009b2J'
  const codes = [...run(t, GOOD, { url }).out].map(character => character.charCodeAt(0))
  t.strictSame(
    codes.filter(code => (code < 0x20 && code !== 0x0a) || (code >= 0x7f && code < 0xa0)),
    [],
  )
})

t.test('--json prints the object', async t => {
  const explanation = JSON.parse(run(t, GOOD, { json: true }).out)
  t.match(explanation, { route: { name: 'wiki' }, refusal: null, sent: { target: '/base/x?token=***' } })
})

t.test('the method may be written in small letters', async t => {
  t.match(run(t, GOOD, { method: 'propfind' }).out, /^PROPFIND http/)
})

t.test('a bad configuration ends with 78 and all its problems', async t => {
  const bad = run(t, 'routes:\n  - { name: x, upstrem: "http://127.0.0.1:1" }\n')
  t.equal(bad.code, 78)
  t.equal(bad.out, '')
  t.match(bad.err, /^gateway\.yaml:2:\d+ route 'x': .*\n.* unknown key "upstrem"/)
  const missing = run(t, GOOD, { config: 'none.yaml' })
  t.equal(missing.code, 78)
  t.match(missing.err, /none\.yaml/)
})

t.test('--partial explains a configuration with a faulty route', async t => {
  const text = `${GOOD}  - { name: bad, match: { host: bad.test }, timout: 1s, upstream: 'http://127.0.0.1:1' }\n`
  t.equal(run(t, text).code, 78)
  const { code, out } = run(t, text, { partial: true, url: 'http://bad.test/' })
  t.equal(code, 0)
  t.match(out, /503 HG_ROUTE_FAULT.*\n {2}because {2}line \d+: unknown key "timout"/)
})

t.test('a request that nobody can send ends with 1 and says what to write', async t => {
  const cases: [Partial<ExplainArguments>, RegExp][] = [
    [{ url: 'ftp://x.test/' }, /^hearthgate: the URL must begin with http/],
    [{ url: '/x' }, /write http:\/\/host\/path/],
    [{ headers: ['nonsense'] }, /write each header as -H 'Name: value'/],
    [{ headers: [': x'] }, /write each header as/],
  ]
  for (const [given, message] of cases) {
    const { code, out, err } = run(t, GOOD, given)
    t.equal(code, 1)
    t.equal(out, '')
    t.match(err, message)
  }
})
