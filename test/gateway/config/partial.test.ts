import t from 'tap'
import type { RouteConfig } from '../../../gateway/config/types.ts'
import { parse, problemLines, warningLines } from './support.ts'

const partial = { partial: true }

function routesOf(text: string): readonly RouteConfig[] {
  const result = parse(text, partial)
  if (!result.ok) throw new Error(problemLines(text, partial).join('\n'))
  return result.config.routes
}

t.test('a faulty route keeps its match and its reason, the others are sound', async t => {
  const text = `
routes:
  - { name: a, upstream: http://a }
  - { name: b, match: { host: b, path: /b }, upstream: http://b, timout: 3s, limits: { body_size: 5K } }
`
  t.equal(parse(text).ok, false)
  const [a, b] = routesOf(text)
  t.equal(a?.fault, null)
  t.match(b, { match: { hosts: ['b'], path: '/b' }, fault: /^line 4: unknown key "timout".*; line 4: "body_size"/ })
  t.match(warningLines(text, partial), [/^4:66 warning: route 'b': not served: unknown key "timout"/, /not served/])
})

t.test('a match that cannot be read matches only what could be read of it', async t => {
  const cases: [match: string, hosts: string[], path?: string][] = [
    ['{ host: [b, "c:80"], path: /b }', ['b'], '/b'],
    ['{ host: b, path: b }', []],
    ['{ host: "c:80" }', []],
    ['{ path: b }', []],
    ['wiki', []],
    ['{ host: b, pfad: /b }', ['b'], '/'],
  ]
  for (const [match, hosts, path] of cases) {
    const [route] = routesOf(`routes:\n  - { name: a, upstream: http://a, match: ${match} }\n`)
    t.strictSame(route?.match.hosts, hosts, match)
    if (path !== undefined) t.equal(route?.match.path, path, match)
    t.type(route?.fault, 'string')
  }
})

t.test('what is no route at all serves nothing', async t => {
  t.match(routesOf('routes:\n  - wiki\n  - { name: b, upstream: http://b }\n'), [
    { name: '#1', match: { hosts: [] }, upstream: [], fault: String },
    { name: 'b', fault: null },
  ])
})

t.test('the second of two routes for one place gives way to the first', async t => {
  const [a, b] = routesOf(`
routes:
  - { name: a, match: { host: [x, y] }, upstream: http://a }
  - { name: b, match: { host: [y, z] }, upstream: http://b }
`)
  t.strictSame([a?.match.hosts, a?.fault], [['x', 'y'], null])
  t.strictSame(b?.match.hosts, ['z'])
  t.match(b?.fault, /already belongs to route 'a'/)
})

t.test('a faulty deny still denies', async t => {
  const text = (deny: string) =>
    `routes:\n  - { name: no, match: { path: /secret }, ${deny} }\n  - { name: a, upstream: http://a }\n`
  for (const deny of ['deny: true, x: 1', 'deny: maybe', 'deny: true, deny: false'])
    t.match(routesOf(text(deny))[0], { deny: true, match: { hosts: ['*'], path: '/secret' }, fault: String }, deny)
})

t.test('a deny whose match cannot be read stops the start, for what it closes would be open', async t => {
  t.strictSame(problemLines('routes:\n  - { name: no, match: { path: secret }, deny: true }\n', partial), [
    '2:32 route \'no\': "path": a path begins with "/": write "/secret"',
  ])
})

t.test('problems outside the routes refuse the whole file', async t => {
  for (const line of ['workerz: 1', 'listen: { port: x }', 'defaults: { cach: false }', '"routes.0.x": 1'])
    t.equal(parse(`${line}\nroutes:\n  - { name: a, upstream: http://a }\n`, partial).ok, false, line)
})
