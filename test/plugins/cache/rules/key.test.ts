import fc from 'fast-check'
import t from 'tap'
import { keyedTarget, primaryKey } from '../../../../plugins/cache/rules/key.ts'
import type { KeySettings } from '../../../../plugins/cache/rules/types.ts'
import { request } from './support.ts'

t.test('scheme, host and the exact target tell answers apart', async t => {
  const heads = [
    request(),
    request([], { scheme: 'https' }),
    request([], { host: 'app.test:1337' }),
    ...['/', '//a', '/a/', '/A', '/a?', '/a?a=1', '/a?a=2', '/a%2Fb', '/a%2fb', '/a/b', '/a/./b'].map(target =>
      request([], { target }),
    ),
  ]
  const keys = heads.map(head => primaryKey(head, {}).key)
  t.equal(new Set(keys).size, heads.length)
  t.equal(primaryKey(request([['X-Forwarded-Host', 'evil']]), {}).key, primaryKey(request(), {}).key)
})

t.test('query parameters that a route leaves out', async t => {
  const cases: [string, string, KeySettings['ignoreQuery']][] = [
    ['/a?b=1', '/a?b=1', undefined],
    ['/a?b=1', '/a?b=1', []],
    ['/a?b=1&c', '/a', 'all'],
    ['/a?utm_x=1&b=2&fbclid=3', '/a?b=2', ['utm_*', 'fbclid']],
    ['/a?fbclid', '/a', ['fbclid']],
    ['/a?', '/a?', ['fbclid']],
    ['/a', '/a', 'all'],
    ['/a?FBCLID=1&%66bclid=2', '/a?FBCLID=1&%66bclid=2', ['fbclid']],
    ['/a?b=1&b=2&c=3', '/a?c=3', ['b']],
  ]
  for (const [target, wanted, ignore] of cases) t.equal(keyedTarget(target, ignore), wanted, `${target} ${ignore}`)
})

t.test('fields and cookies that a route adds', async t => {
  const settings = { headers: ['X-Lang'], cookies: ['theme'] }
  const key = (lines: [string, string][]) => primaryKey(request(lines), settings).key
  const different = [
    key([]),
    key([['x-lang', '']]),
    key([['x-lang', 'de']]),
    key([['x-lang', 'null']]),
    key([['Cookie', 'theme=dark']]),
    key([['Cookie', 'theme=']]),
    key([['Cookie', 'theme=dark; theme=light']]),
    key([['x-lang', '"],["dark"]']]),
  ]
  t.equal(new Set(different).size, different.length)
  t.equal(key([['Cookie', 'session=1; theme=dark']]), key([['cookie', 'theme=dark;x=2']]))
  t.equal(
    key([['X-LANG', 'a, b']]),
    key([
      ['x-lang', 'a'],
      ['x-lang', 'b'],
    ]),
  )
  t.ok(different.every(each => each.startsWith(primaryKey(request(), settings).url)))
})

t.test('hosts share where the route says so', async t => {
  const settings = { host: false }
  t.equal(primaryKey(request(), settings).key, primaryKey(request([], { host: 'b.test:80' }), settings).key)
})

t.test('two requests share a key only when all of its parts are equal', async () => {
  const part = fc.constantFrom('', 'a', 'b', ' ', '"', ',', 'a,b')
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      const settings = { headers: ['x', 'y'] }
      const one = primaryKey(
        request([
          ['x', a],
          ['y', b],
        ]),
        settings,
      ).key
      const two = primaryKey(
        request([
          ['x', c],
          ['y', d],
        ]),
        settings,
      ).key
      return (one === two) === (a.trim() === c.trim() && b.trim() === d.trim())
    }),
  )
})
