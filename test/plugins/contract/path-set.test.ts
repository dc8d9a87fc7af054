import fc from 'fast-check'
import t from 'tap'
import { compilePaths, MAX_PATTERNS, patternProblem } from '../../../plugins/contract/index.ts'

const cases: [pattern: string, path: string, query: string, any: boolean, all: boolean][] = [
  ['/api', '/api', '', true, true],
  ['/api', '/api/x', '', true, true],
  ['/api/', '/api/x', '', true, true],
  ['/api', '/apix', '', false, false],
  ['/api', '/API/x', '', true, false],
  ['/api', '/%61pi/x', '', true, true],
  ['/api', '//api/x', '', true, false],
  ['/api', '/api%2fx', '', true, false],
  ['/api', '/x/..%2fapi', '', true, false],
  ['/api', '/api;v=1/x', '', true, false],
  ['/api', '/x/../api', '', true, true],
  ['/api', '*', '', false, false],
  ['/', '*', '', true, true],
  ['/', '/anything', '', true, true],
  ['/apps/*.js', '/apps/files/js/main.js', '', true, true],
  ['/apps/*.js', '/apps/files/js/main.jsx', '', false, false],
  ['/apps/*.js', '/apps/.js', '', true, true],
  ['/a*b*c', '/abc', '', true, true],
  ['/a*b*c', '/ac', '', false, false],
  ['/ab*ba', '/aba', '', false, false],
  ['/*.js?v', '/main.js', '?v=1', true, true],
  ['/*.js?v', '/main.js', '?v=', true, false],
  ['/*.js?v', '/main.js', '?v', true, false],
  ['/*.js?v', '/main.js', '?V=1', true, false],
  ['/*.js?v', '/main.js', '?%76=1', true, false],
  ['/*.js?v', '/main.js', '?x;v=1', true, false],
  ['/*.js?v', '/main.js', '?v[]=1', true, false],
  ['/*.js?v', '/main.js', '?+v=1', true, false],
  ['/*.js?v', '/main.js', '?v%00x=1', true, false],
  ['/*.js?v', '/main.js', '?x=v', false, false],
  ['/*.js?v', '/main.js', '?vv=1', false, false],
  ['/*.js?v', '/main.js', '?x=1&v=2', true, true],
  ['/*.js?v', '/main.js', '', false, false],
]

for (const [pattern, path, query, any, all] of cases) {
  t.test(
    `${pattern} ${any ? 'restricts' : 'leaves alone'} and ${all ? 'opens' : 'does not open'} ${path}${query}`,
    async t => {
      const set = compilePaths([pattern])
      t.equal(set.coversAny(path, query), any)
      t.equal(set.coversAll(path, query), all)
    },
  )
}

t.test('an empty set covers nothing, not even a path that cannot be read', async t => {
  const set = compilePaths([])
  t.notOk(set.coversAny('/../x', ''))
  t.notOk(set.coversAll('/', ''))
})

t.test('what opens a path also restricts it, for any path', async t => {
  const piece = fc.constantFrom('/', 'a', 'A', 'api', '%61', '%2f', ';', '.', '..', '\\', '//', '%00', 'x')
  const paths = fc.array(piece, { maxLength: 8 }).map(pieces => `/${pieces.join('')}`)
  const set = compilePaths(['/api', '/a*x'])
  const holds = fc.property(paths, path => !set.coversAll(path, '') || set.coversAny(path, ''))
  t.doesNotThrow(() => fc.assert(holds))
})

const broken: [string, RegExp][] = [
  ['api', /begins with/],
  ['/a?x=1', /name of one parameter/],
  ['/a b', /as it stands in an address/],
  ['/..', /cannot be segments/],
]

for (const [pattern, message] of broken) {
  t.test(`the pattern ${pattern} is refused with its reason`, async t => {
    t.match(patternProblem(pattern), message)
    t.throws(() => compilePaths([pattern]))
  })
}

t.test('a set has a bound', async t => {
  t.throws(() => compilePaths(Array.from({ length: MAX_PATTERNS + 1 }, (_, i) => `/${i}`)), /more than/)
})
