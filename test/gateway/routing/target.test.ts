import t from 'tap'
import { parseTarget } from '../../../gateway/routing/target.ts'

interface Accepted {
  readonly host?: string
  readonly port?: number
  readonly hostHeader?: string
  readonly path: string
  readonly query?: string
}

t.test('path and query are the bytes of the target, and absolute-form replaces Host', async t => {
  const cases: [target: string, accepted: Accepted, method?: string][] = [
    ['/', { path: '/' }],
    ['/a/b?c=d', { path: '/a/b', query: '?c=d' }],
    ['/a?', { path: '/a', query: '?' }],
    ['/a?b?c=/../', { path: '/a', query: '?b?c=/../' }],
    ['/100%', { path: '/100%' }],
    ['//evil.test/x', { path: '//evil.test/x' }],
    ['/\\127.0.0.1:1/x', { path: '/\\127.0.0.1:1/x' }],
    ['/http://evil.test/', { path: '/http://evil.test/' }],
    ['/a/../b/%2e%2E', { path: '/a/../b/%2e%2E' }],
    ['/k/\u00c3\u00bc\u00ff?\u00e9', { path: '/k/\u00c3\u00bc\u00ff', query: '?\u00e9' }],
    ['/a"<>[]^`{|}', { path: '/a"<>[]^`{|}' }],
    ['*', { path: '*' }, 'OPTIONS'],
    ['http://pool.test/x?y', { host: 'pool.test', hostHeader: 'pool.test', path: '/x', query: '?y' }],
    ['HTTPS://POOL.test.:8443/x', { host: 'pool.test', port: 8443, hostHeader: 'POOL.test.:8443', path: '/x' }],
    ['http://pool.test', { host: 'pool.test', hostHeader: 'pool.test', path: '/' }],
    ['http://pool.test', { host: 'pool.test', hostHeader: 'pool.test', path: '*' }, 'OPTIONS'],
    ['http://pool.test?', { host: 'pool.test', hostHeader: 'pool.test', path: '/', query: '?' }, 'OPTIONS'],
    ['http://pool.test?a=/b', { host: 'pool.test', hostHeader: 'pool.test', path: '/', query: '?a=/b' }],
    ['http://pool.test//x', { host: 'pool.test', hostHeader: 'pool.test', path: '//x' }],
    ['http://[::1]:80/x', { host: '[::1]', port: 80, hostHeader: '[::1]:80', path: '/x' }],
  ]
  for (const [target, accepted, method] of cases) {
    const expected = { host: 'app.test', port: null, hostHeader: 'App.test', query: '', ...accepted }
    t.strictSame(parseTarget(target, 'App.test', method), { ok: true, ...expected }, `${method ?? 'GET'} ${target}`)
  }
})

t.test('every other form and every byte that may split a line is refused', async t => {
  const cases: [target: string, reason: string][] = [
    ['', 'target-form'],
    ['*', 'target-form'],
    ['**', 'target-form'],
    ['*?x', 'target-form'],
    ['a/b', 'target-form'],
    ['app.test:443', 'target-form'],
    ['@127.0.0.1:28198/x', 'target-form'],
    [':28198/x', 'target-form'],
    ['\\x', 'target-form'],
    ['?x', 'target-form'],
    ['http:/x', 'target-form'],
    ['http:\\\\evil.test', 'target-form'],
    ['ftp://a/', 'target-form'],
    ['file:///etc', 'target-form'],
    ['unix:/run/x', 'target-form'],
    ['http://', 'host-missing'],
    ['http:///x', 'host-missing'],
    ['http://?x', 'host-missing'],
    ['http://user:pw@pool.test/', 'port-invalid'],
    ['http://user@pool.test/', 'host-invalid'],
    ['http://pool.test\\@evil.test/', 'host-invalid'],
    ['http://pool.test:x/', 'port-invalid'],
    ['/a b', 'target-character'],
    ['/a\tb', 'target-character'],
    ['/a\u0001b', 'target-character'],
    ['/a\u007fb', 'target-character'],
    ['/a\u0000b', 'target-character'],
    ['/a?b\r\nX: y', 'target-character'],
    ['/a\u0100', 'target-character'],
    ['/pub#/../secret', 'target-fragment'],
    ['/a?b#c', 'target-fragment'],
  ]
  for (const [target, reason] of cases) {
    t.strictSame(parseTarget(target, 'app.test'), { ok: false, status: 400, reason }, JSON.stringify(target))
  }
})

t.test('`*` belongs to OPTIONS alone', async t => {
  for (const method of ['GET', 'POST', 'options', undefined]) {
    t.notOk(parseTarget('*', 'app.test', method).ok, method ?? 'no method')
  }
})

t.test('a missing or broken Host is refused, also where an absolute target overrides a broken one', async t => {
  t.match(parseTarget('/', undefined), { ok: false, reason: 'host-missing' })
  t.match(parseTarget('/', ''), { ok: false, reason: 'host-missing' })
  t.match(parseTarget('/', 'app.test/evil'), { ok: false, reason: 'host-invalid' })
  t.match(parseTarget('http://pool.test/', 'app.test evil'), { ok: false, reason: 'host-invalid' })
  t.match(parseTarget('http://pool.test/', undefined), { ok: true, host: 'pool.test' })
})
