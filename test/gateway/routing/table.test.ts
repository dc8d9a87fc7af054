import t from 'tap'
import { compileRoutes, type Match, type RoutingRule, routingProblem } from '../../../gateway/routing/index.ts'
import { aRule, rules } from './rules.ts'

/** A match in one line: `wiki /x host-exact`, `denied secret`, `400 dots-hidden`, `none no-route-for-path`. */
function say(match: Match<RoutingRule>): string {
  if (match.kind === 'route') return `${match.route.name} ${match.path} ${match.reason}`
  if (match.kind === 'denied') return `denied ${match.route.name}`
  return match.kind === 'bad' ? `${match.status} ${match.reason}` : `none ${match.reason}`
}

t.test('the most specific host wins, then the longest path', async t => {
  const table = compileRoutes(
    rules(
      { name: 'any', host: '*' },
      { name: 'any-deep', host: '*', path: '/deep/er/path' },
      { name: 'wild', host: '*.home.arpa' },
      { name: 'wilder', host: '*.lab.home.arpa' },
      { name: 'wiki', host: 'Wiki.home.arpa', path: '/notes' },
      { name: 'wiki-old', host: 'wiki.home.arpa', path: '/notes/old/' },
      { name: 'twice', host: 'wiki.home.arpa', path: '/notes/' },
      { name: 'list', host: ['one.test', '*.two.test'], path: '/' },
    ),
  )
  const cases: [host: string, path: string, said: string][] = [
    ['x.test', '/', 'any / host-any'],
    ['x.test', '/deep/er/path/x', 'any-deep /deep/er/path/x host-any'],
    ['x.test', '/deep/er/pathx', 'any /deep/er/pathx host-any'],
    ['home.arpa', '/', 'any / host-any'],
    ['a.home.arpa', '/deep/er/path', 'wild /deep/er/path host-wildcard'],
    ['a.b.home.arpa', '/', 'wild / host-wildcard'],
    ['lab.home.arpa', '/', 'wild / host-wildcard'],
    ['a.lab.home.arpa', '/', 'wilder / host-wildcard'],
    ['wiki.home.arpa', '/notes', 'wiki /notes host-exact'],
    ['wiki.home.arpa', '/notes/', 'wiki /notes/ host-exact'],
    ['wiki.home.arpa', '/notes/x', 'wiki /notes/x host-exact'],
    ['wiki.home.arpa', '/notesx', 'wild /notesx host-wildcard'],
    ['wiki.home.arpa', '/notes/old', 'wiki-old /notes/old host-exact'],
    ['wiki.home.arpa', '/notes/older', 'wiki /notes/older host-exact'],
    ['wiki.home.arpa', '/deep/er/path', 'wild /deep/er/path host-wildcard'],
    ['one.test', '/x', 'list /x host-exact'],
    ['a.two.test', '/x', 'list /x host-wildcard'],
    ['[::1]', '/x', 'any /x host-any'],
  ]
  for (const [host, path, said] of cases) t.equal(say(table.match(host, path)), said, `${host} ${path}`)
})

t.test('nothing matches an unknown host or path, and the reason says which', async t => {
  const table = compileRoutes(rules({ host: 'a.test', path: '/x' }, { host: '*.b.test', path: '/' }))
  const cases: [host: string, path: string, said: string][] = [
    ['c.test', '/', 'none no-route-for-host'],
    ['b.test', '/', 'none no-route-for-host'],
    ['a.test', '/', 'none no-route-for-path'],
    ['a.test', '/y%20', 'none no-route-for-path'],
    ['a.test', '*', 'none no-route-for-path'],
    ['c.test', '//', 'none no-route-for-host'],
    ['c.test', '/../', '400 dots-above-root'],
  ]
  for (const [host, path, said] of cases) t.equal(say(table.match(host, path)), said, `${host} ${path}`)
  t.equal(say(compileRoutes([]).match('a.test', '/')), 'none no-route-for-host')
})

t.test('a deny rule wins over every route, on its hosts, for every spelling', async t => {
  const table = compileRoutes(
    rules(
      { name: 'app', host: 'app.test' },
      { name: 'inside', host: 'app.test', path: '/secret/public' },
      { name: 'any', host: '*' },
      { name: 'secret', host: '*', path: '/secret/', deny: true },
      { name: 'sub', host: '*.lab.test', path: '/x', deny: true },
      { name: 'closed', host: 'closed.test', deny: true },
      { name: 'open', host: 'closed.test', path: '/open' },
      { name: 'slashed', path: '/a%2Fb', deny: true },
    ),
  )
  const spellings = [
    '/secret',
    '/secret/',
    '/secret/public/x',
    '/%73ecret/x',
    '/secre%74',
    '//secret//x',
    '/%2fsecret/x',
    '/%2Fsecret%2Fx',
    '/\\secret\\x',
    '/%5csecret',
    '/secret;v=1/x',
    '/secret%3Bv',
    '/;/secret',
    '/secret;a%2fb/x',
    '/secret%00.png',
    '/./secret',
    '/pub/../secret',
    '/pub/%2e%2E/secret/x',
    '/.//./secret/x',
  ]
  for (const path of spellings) t.equal(say(table.match('app.test', path)), 'denied secret', path)
  for (const path of ['/secrets', '/Secret', '/pub/secret', '/%2573ecret', '/secret2', '/sec%20ret', '/secret%20']) {
    t.equal(say(table.match('app.test', path)), `app ${path} host-exact`, path)
  }
  t.equal(say(table.match('a.lab.test', '/x/y')), 'denied sub')
  t.equal(say(table.match('lab.test', '/x/y')), 'any /x/y host-any')
  t.equal(say(table.match('closed.test', '/open')), 'denied closed')
  t.equal(say(table.match('closed.test', '*')), 'denied closed')
  t.equal(say(table.match('app.test', '/a/b')), 'denied slashed')
  t.equal(say(table.match('app.test', '/a%2fb/c')), 'denied slashed')
})

t.test('a prefix spelled another way reaches its route in the canonical form or is refused', async t => {
  const table = compileRoutes(
    rules(
      { name: 'root', path: '/' },
      { name: 'app', path: '/app' },
      { name: 'mount', path: '/mnt/sub', rewrite: '/base' },
      { name: 'strip', path: '/strip', rewrite: '/' },
      { name: 'accent', path: '/caf\u00e9' },
      { name: 'odd', path: '/a%2Fb' },
      { name: 'param', path: '/p;v' },
    ),
  )
  const cases: [path: string, said: string][] = [
    ['/%61pp/%78', 'app /app/%78 host-any'],
    ['/%61pp', 'app /app host-any'],
    ['//app//x', 'app /app//x host-any'],
    ['/app//x', 'app /app//x host-any'],
    ['/app/./x', 'app /app/x host-any'],
    ['/x/../app/y', 'app /app/y host-any'],
    ['/app/../x', 'root /x host-any'],
    ['/app%2fx', '400 prefix-ambiguous'],
    ['/%2fapp/x', '400 prefix-ambiguous'],
    ['/app\\x', '400 prefix-ambiguous'],
    ['/app%5Cx', '400 prefix-ambiguous'],
    ['/app;v=1/x', '400 prefix-ambiguous'],
    ['/;v/app', '400 prefix-ambiguous'],
    ['/app/a%2Fb;c\\d', 'app /app/a%2Fb;c\\d host-any'],
    ['/mnt/sub/x%2Fy', 'mount /base/x%2Fy host-any'],
    ['/mnt//sub/x', 'mount /base/x host-any'],
    ['/mnt/%73ub', 'mount /base host-any'],
    ['/mnt%2fsub/x', '400 prefix-ambiguous'],
    ['/strip//evil.test/x', 'strip //evil.test/x host-any'],
    ['/strip%00/x', '400 prefix-ambiguous'],
    ['/strip', 'strip / host-any'],
    ['/caf%c3%a9/x', 'accent /caf%C3%A9/x host-any'],
    ['/caf%C3%A9/x', 'accent /caf%C3%A9/x host-any'],
    ['/caf\u00c3\u00a9/x', 'accent /caf\u00c3\u00a9/x host-any'],
    ['/a%2Fb/x', 'odd /a%2Fb/x host-any'],
    ['/a%2fb/x', 'odd /a%2Fb/x host-any'],
    ['/a/b/x', 'root /a/b/x host-any'],
    ['/p;v/x', 'param /p;v/x host-any'],
    ['/p;w/x', 'root /p;w/x host-any'],
    ['//', 'root // host-any'],
    ['//x', 'root //x host-any'],
    ['/x;y%2Fz|[', 'root /x;y%2Fz|[ host-any'],
  ]
  for (const [path, said] of cases) t.equal(say(table.match('h.test', path)), said, path)
})

t.test('a reading that reaches a more specific host is refused as well', async t => {
  const table = compileRoutes(
    rules({ name: 'own', host: 'a.test', path: '/app' }, { name: 'wild', host: '*.test' }, { name: 'any' }),
  )
  t.equal(say(table.match('a.test', '/app%2fx')), '400 prefix-ambiguous')
  t.equal(say(table.match('a.test', '//app/x')), 'own /app/x host-exact')
  t.equal(say(table.match('b.test', '/app%2fx')), 'wild /app%2fx host-wildcard')
})

t.test('OPTIONS * follows the rules of the root', async t => {
  const table = compileRoutes(
    rules({ name: 'plain', host: 'a.test' }, { name: 'mount', host: 'b.test', rewrite: '/base' }),
  )
  t.equal(say(table.match('a.test', '*')), 'plain * host-exact')
  t.equal(say(table.match('b.test', '*')), '400 asterisk-under-mount')
})

t.test('an unreadable route stops the table, unless it is known as faulty and denies nothing', async t => {
  const broken: [route: RoutingRule, problem: RegExp][] = [
    [aRule({ host: 'a.test:80' }), /host "a\.test:80" is neither/],
    [aRule({ host: ['ok.test', ''] }), /host "" is neither/],
    [aRule({ path: 'x' }), /path "x" must begin/],
    [aRule({ rewrite: '/../x' }), /rewrite_path "\/\.\.\/x" must begin/],
  ]
  for (const [route, problem] of broken) {
    t.match(routingProblem(route), problem)
    t.throws(() => compileRoutes([route]), { name: 'TypeError', message: problem })
    t.throws(() => compileRoutes([{ ...route, deny: true, fault: 'broken' }]), { message: problem })
    t.doesNotThrow(() => compileRoutes([{ ...route, fault: 'broken' }]))
  }
  t.equal(routingProblem(aRule({})), null)
  const table = compileRoutes(rules({ name: 'broken', host: ['a.test', 'b c'], fault: 'no upstream' }))
  t.equal(say(table.match('a.test', '/x')), 'broken /x host-exact')
})

t.test('a table of 1,000 hosts and 1,000 paths finds each of them', async t => {
  const hosts = Array.from({ length: 1000 }, (_, index) => ({ name: `h${index}`, host: `h${index}.test` }))
  const paths = Array.from({ length: 1000 }, (_, index) => ({ name: `p${index}`, host: 'p.test', path: `/p${index}` }))
  const table = compileRoutes(rules(...hosts, ...paths))
  for (let index = 0; index < 1000; index += 37) {
    t.equal(say(table.match(`h${index}.test`, '/x')), `h${index} /x host-exact`)
    t.equal(say(table.match('p.test', `/p${index}/x`)), `p${index} /p${index}/x host-exact`)
  }
})
