import t from 'tap'
import { canonicalPath, isPlainPath, looseReadings } from '../../../plugins/contract/path.ts'

t.test('a path without dot segments is sent byte for byte (T14, G3)', async t => {
  const paths = [
    '/',
    '//',
    '/a//b/',
    '/100%',
    '/%',
    '/%zz/%4',
    '/%E9/\u00e9',
    '/dir../x',
    '/f..//g',
    '/.../x',
    '/..a/.b/c.',
    '/a\\b',
    '/a%2Fb%2fc%5Cd',
    '/a;b=c/d|e[f]',
    '/k/a%3Fb%23c%25d%26e',
    "/k/a+b!$&'()*,;=:@c",
    '/%252e%252e/x',
    '/a%0d%0aX:%201',
    '/.well-known/x',
    '/%2e%2e%2e',
    '/a;/..b',
  ]
  for (const path of paths) t.match(canonicalPath(path), { ok: true, sent: path }, path)
})

t.test('dot segments between real slashes are resolved and nothing else is touched', async t => {
  const cases: [raw: string, sent: string][] = [
    ['/.', '/'],
    ['/./', '/'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/../c', '/a/c'],
    ['/a/./b', '/a/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/%2E/a%2Fb;c/\u00e9%', '/a%2Fb;c/\u00e9%'],
    ['/.//./secret', '//secret'],
    ['//a/../b', '//b'],
    ['/a%20b/../c', '/c'],
    ['/a;x/../c', '/c'],
    ['/a/b/../../c//d', '/c//d'],
  ]
  for (const [raw, sent] of cases) t.match(canonicalPath(raw), { ok: true, sent }, raw)
})

t.test('what servers resolve in different ways is refused', async t => {
  const cases: [raw: string, reason: string][] = [
    ['', 'path-not-absolute'],
    ['a/b', 'path-not-absolute'],
    ['\\a', 'path-not-absolute'],
    ['/..', 'dots-above-root'],
    ['/../x', 'dots-above-root'],
    ['/a/../..', 'dots-above-root'],
    ['/%2e%2e/x', 'dots-above-root'],
    ['/a/..%2fb', 'dots-hidden'],
    ['/a/%2e%2E%2Fb', 'dots-hidden'],
    ['/a/..\\b', 'dots-hidden'],
    ['/a/..%5cb', 'dots-hidden'],
    ['/a/b%2f..', 'dots-hidden'],
    ['/a\\.\\b', 'dots-hidden'],
    ['/a/..;x/b', 'dots-hidden'],
    ['/a/..;/b', 'dots-hidden'],
    ['/a/.%2e%3bx/b', 'dots-hidden'],
    ['/a/..%00/b', 'dots-hidden'],
    ['/a/..%00;x%2fb', 'dots-hidden'],
    ['/a//../b', 'dots-ambiguous'],
    ['/a/;x/../b', 'dots-ambiguous'],
    ['/a%2fb/../c', 'dots-ambiguous'],
    ['/a\\b/../c', 'dots-ambiguous'],
    ['/a%5Cb/./../c', 'dots-ambiguous'],
  ]
  for (const [raw, reason] of cases) t.strictSame(canonicalPath(raw), { ok: false, reason }, raw)
})

t.test('only a path with one reading counts as plain', async t => {
  for (const path of ['/', '/a/b.c/', '/a:b@c=d', '/\u00e9|[', '/a..b']) t.ok(isPlainPath(path), path)
  for (const path of ['', 'a', '*', '/%', '/.a', '/a/..', '//', '/a;b', '/a\\b']) t.notOk(isPlainPath(path), path)
})

t.test('the loose readings take every separator for a slash and cut parameters before and after', async t => {
  const cases: [raw: string, readings: string[]][] = [
    ['/%61%2Fb\\c%5cd//e', ['/a/b/c/d/e']],
    ['/%252f', ['/%2f']],
    ['/a;x/b', ['/a;x/b', '/a/b']],
    ['/a;x\\y/b', ['/a;x/y/b', '/a/b', '/a/y/b']],
    ['/a%00.png/b', ['/a\u0000.png/b', '/a/b']],
    ['/;x/a', ['/;x/a', '/a']],
  ]
  for (const [raw, readings] of cases) {
    const canonical = canonicalPath(raw)
    t.strictSame(canonical.ok && looseReadings(canonical.decoded), readings, raw)
  }
})
