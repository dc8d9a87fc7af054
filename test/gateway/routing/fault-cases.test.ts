/** The fault cases on normalisation and on Host, as far as the decision is routing's: targets in, decisions out. */
import t from 'tap'
import { compileRoutes, parseTarget } from '../../../gateway/routing/index.ts'
import { rules } from './rules.ts'

const table = compileRoutes(
  rules(
    { name: 'A', host: '*' },
    { name: 'pool', host: 'pool.test' },
    { name: 'ws', path: '/ws/' },
    { name: 'M', path: '/app/', rewrite: '/base/' },
    { name: 'secret', path: '/secret', deny: true },
  ),
)

/** `403`, `400`, `404`, or the route with the target and Host that go upstream. */
function decide(target: string, host: string | undefined = 'app.test', method = 'GET'): string {
  const parsed = parseTarget(target, host, method)
  if (!parsed.ok) return '400'
  const match = table.match(parsed.host, parsed.path)
  if (match.kind === 'route') return `${match.route.name} ${match.path}${parsed.query} ${parsed.hostHeader}`
  return { denied: '403', bad: '400', none: '404' }[match.kind]
}

const CASES: [name: string, target: string, decision: string][] = [
  ['deny-plain', '/secret/ID', '403'],
  ['deny-encoded-letter', '/%73ecret/ID', '403'],
  ['deny-encoded-letter-later', '/secre%74/ID', '403'],
  ['deny-encoded-dots', '/pub/%2e%2e/secret/ID', '403'],
  ['deny-all-encoded', '/pub%2f%2e%2e%2fsecret/ID', '400'],
  ['deny-encoded-slash-first', '/%2fsecret/ID', '403'],
  ['deny-slash-dot-slash', '/.//./secret/ID', '403'],
  ['deny-backslash', '/pub\\..\\secret/ID', '400'],
  ['deny-absolute-form', 'http://app.test/secret/ID', '403'],
  ['deny-fragment-after-pub', '/pub#/../secret/ID', '400'],
  ['deny-query-no-effect', '/secret/ID?x=/../../pub', '403'],
  ['deny-double-encoded-once', '/pub/%252e%252e/secret2/ID', 'A /pub/%252e%252e/secret2/ID app.test'],
  ['mount-dotdot', '/app/../x/ID', 'A /x/ID app.test'],
  ['mount-encoded-slash', '/app/..%2fx/ID', '400'],
  ['mount-deep', '/app/a/../../../x/ID', '400'],
  ['mount-backslash', '/app/..\\x/ID', '400'],
  ['mount-encoded-backslash', '/app/..%5cx/ID', '400'],
  ['mount-double-slash', '/app//../x/ID', '400'],
  ['mount-all-encoded', '/app/%2e%2e%2fx/ID', '400'],
  ['ssrf-at-sign', '@127.0.0.1:28198/ID', '400'],
  ['ssrf-backslashes', '/\\127.0.0.1:28198/ID', 'A /\\127.0.0.1:28198/ID app.test'],
  ['ssrf-under-mount', '/app//127.0.0.1:28198/ID', 'M /base//127.0.0.1:28198/ID app.test'],
  ['ssrf-port-suffix', ':28198/ID', '400'],
  ['fidelity-reserved', '/k-ID/a%3Fb%23c%25d%26e', 'A /k-ID/a%3Fb%23c%25d%26e app.test'],
  ['fidelity-plus-and-subdelims', "/k-ID/a+b!$&'()*,;=:@c", "A /k-ID/a+b!$&'()*,;=:@c app.test"],
  ['raw-utf8', '/k-ID/\u00c3\u00bc\u00ff', 'A /k-ID/\u00c3\u00bc\u00ff app.test'],
  ['raw-control', '/k-ID/a\u0001b', '400'],
  ['encoded-crlf', '/ID%0d%0aX-Evil:%201', 'A /ID%0d%0aX-Evil:%201 app.test'],
  ['encoded-crlf', '/app/ID%0d%0aX-Evil:%201', 'M /base/ID%0d%0aX-Evil:%201 app.test'],
  ['connect-with-body', '127.0.0.1:28198', '400'],
  ['h2-space-in-path', '/k-ID HTTP/1.1\r\nX-Evil: 1\r\nX: ', '400'],
  ['mount', '/app/x?y', 'M /base/x?y app.test'],
  ['absolute-form-host', 'http://pool.test/ID', 'pool /ID pool.test'],
]

t.test('targets of the fault cases', async t => {
  for (const [name, target, decision] of CASES) t.equal(decide(target), decision, `${name} ${target}`)
})

t.test('method-case: a deny rule does not look at the method', async t => {
  for (const method of ['gEt', 'FOO', 'OPTIONS']) t.equal(decide('/secret/ID', 'app.test', method), '403', method)
})

t.test('host-case-and-dot: another spelling of a host is the same host', async t => {
  t.equal(decide('/', 'POOL.test'), 'pool / POOL.test')
  t.equal(decide('/', 'pool.test.'), 'pool / pool.test.')
})

t.test('Hosts of the fault cases are refused', async t => {
  const hosts: [name: string, host: string][] = [
    ['host-missing', ''],
    ['host-space', 'app.test evil'],
    ['host-slash', 'app.test/evil'],
    ['host-bad-port', 'app.test:x80'],
  ]
  for (const [name, host] of hosts) t.equal(decide('/', host), '400', name)
  t.match(parseTarget('/', undefined), { ok: false, status: 400 }, 'host-missing')
})
