import t from 'tap'
import { compileRoutes } from '../../../gateway/routing/index.ts'
import { rules } from './rules.ts'

const table = compileRoutes(
  rules(
    { name: 'any' },
    { name: 'wild', host: '*.test', path: '/app' },
    { name: 'other', host: 'b.test' },
    { name: 'short', host: 'a.test' },
    { name: 'app', host: 'a.test', path: '/app' },
    { name: 'again', host: 'a.test', path: '/app/' },
    { name: 'deeper', host: 'a.test', path: '/app/deep' },
    { name: 'secret', path: '/secret', deny: true },
    { name: 'secret-here', host: '*.test', path: '/secret/x', deny: true },
  ),
)

function verdicts(host: string, path: string): string[] {
  return table.explain(host, path).considered.map(({ route, verdict }) => `${route.name}: ${verdict}`)
}

t.test('every route is listed with the reason why it lost', async t => {
  t.strictSame(verdicts('a.test', '/app/x'), [
    'any: host-less-specific',
    'wild: host-less-specific',
    'other: host-differs',
    'short: path-shorter',
    'app: won',
    'again: later-in-file',
    'deeper: path-differs',
    'secret: path-differs',
    'secret-here: path-differs',
  ])
})

t.test('a deny rule is shown as the reason why the routes lost', async t => {
  t.strictSame(verdicts('c.test', '/%73ecret'), [
    'any: deny-wins',
    'wild: path-differs',
    'other: host-differs',
    'short: host-differs',
    'app: host-differs',
    'again: host-differs',
    'deeper: host-differs',
    'secret: won',
    'secret-here: path-differs',
  ])
  t.match(verdicts('c.test', '/secret/x').slice(-2), ['secret: host-less-specific', 'secret-here: won'])
})

t.test('an ambiguous path is refused by the routes that it may mean', async t => {
  const explanation = table.explain('a.test', '/app%2Fdeep')
  t.match(explanation.match, { kind: 'bad', reason: 'prefix-ambiguous' })
  t.strictSame(explanation.readings, ['/app%2Fdeep', '/app/deep'])
  t.match(verdicts('a.test', '/app%2Fdeep').slice(3, 7), [
    'short: refused',
    'app: refused',
    'again: refused',
    'deeper: refused',
  ])
  t.strictSame(table.explain('a.test', '/..').readings, [])
  t.ok(verdicts('a.test', '/..').every(line => /refused|host-differs/.test(line)))
})

t.test('readings hold nothing that a terminal would act on', async t => {
  t.strictSame(table.explain('a.test', '/%1b[2J%5cx/%c3%A9').readings, ['/%1B[2J%5Cx/%C3%A9', '/%1B[2J/x/%C3%A9'])
})

t.test('without a match each route says whether host or path was the cause', async t => {
  const only = compileRoutes(rules({ name: 'x', host: 'a.test', path: '/x' }))
  t.match(only.explain('a.test', '/y'), { match: { kind: 'none' }, considered: [{ verdict: 'path-differs' }] })
  t.match(only.explain('b.test', '/x'), { match: { kind: 'none' }, considered: [{ verdict: 'host-differs' }] })
})

t.test('the server-wide target is explained by the root', async t => {
  t.match(table.explain('a.test', '*'), { match: { kind: 'route', path: '*' }, readings: ['/'] })
})
