import t from 'tap'
import { decideInvalidation } from '../../../../plugins/cache/rules/invalidation.ts'
import { resolveReference } from '../../../../plugins/cache/rules/reference.ts'
import { flat, type Line, request } from './support.ts'

t.test('unsafe methods make their target void when they succeed', async t => {
  const cases: [string, number, boolean][] = [
    ['POST', 200, true],
    ['PUT', 204, true],
    ['DELETE', 302, true],
    ['M-SEARCH', 200, true],
    ['get', 200, true],
    ['POST', 500, false],
    ['POST', 404, false],
    ['GET', 200, false],
    ['HEAD', 200, false],
    ['OPTIONS', 200, false],
    ['PROPFIND', 207, false],
  ]
  for (const [method, status, wanted] of cases) {
    const decided = decideInvalidation(request([], { method }), { status, headers: [] })
    t.equal(decided.invalidate, wanted, `${method} ${status}`)
    if (decided.invalidate) t.strictSame(decided.targets, ['/a'])
  }
})

t.test('and what they name on the same host', async t => {
  const cases: [string[], Line[]][] = [
    [
      ['/t/1', '/t/x', '/t/y'],
      [
        ['Location', 'x'],
        ['Content-Location', 'y'],
      ],
    ],
    [['/t/1', '/x'], [['Location', '/x#part']]],
    [['/t/1', '/x'], [['Location', 'http://APP.test/x']]],
    [['/t/1', '/x?q'], [['Location', 'https://app.test:80/x?q']]],
    [['/t/1', '/x'], [['Location', '//app.test:80/x']]],
    [['/t/1'], [['Location', 'http://evil.test/x']]],
    [['/t/1'], [['Location', 'http://app.test:1337/x']]],
    [['/t/1'], [['Location', 'http://user@app.test/x']]],
    [['/t/1'], [['Location', 'javascript:alert(1)']]],
    [['/t/1'], [['Location', '']]],
  ]
  for (const [wanted, lines] of cases) {
    const asked = request([], { method: 'POST', target: '/t/1' })
    const decided = decideInvalidation(asked, { status: 201, headers: flat(lines) })
    t.strictSame(decided.invalidate && decided.targets, wanted, flat(lines).join(' '))
  }
})

t.test('a collection goes with all that lies below, and a move with its other end', async t => {
  const move = request([['Destination', 'https://app.test:80/b/']], { method: 'MOVE', target: '/a' })
  const decided = decideInvalidation(move, { status: 201, headers: [] })
  t.strictSame(decided.invalidate && [decided.targets, decided.prefixes], [
    ['/a', '/b/'],
    ['/a/', '/b/'],
  ])
  const put = decideInvalidation(request([], { method: 'PUT' }), { status: 204, headers: [] })
  t.strictSame(put.invalidate && put.prefixes, [])
})

t.test('references', async t => {
  const cases: [string, string | null][] = [
    ['c', '/a/c'],
    ['./c/../d', '/a/d'],
    ['../c', '/c'],
    ['../../..', '/'],
    ['/x/.', '/x/'],
    ['?y=1', '/a/b?y=1'],
    ['', '/a/b?q'],
    ['/x?y=/../z', '/x?y=/../z'],
    ['/a%2Fb//c', '/a%2Fb//c'],
    ['mailto:x', null],
    ['http:x', null],
    ['http://', null],
  ]
  for (const [reference, wanted] of cases) {
    t.equal(resolveReference(reference, { target: '/a/b?q' })?.target ?? null, wanted, reference)
  }
  t.equal(resolveReference('http://b.test', { target: '/' })?.host, 'b.test:80')
  t.equal(resolveReference('https://[::1]?x', { target: '/' })?.host, '[::1]:443')
  t.equal(resolveReference('https://[::1]?x', { target: '/' })?.target, '/?x')
})
