import t from 'tap'
import { readPublicAddress } from '../../../gateway/admin/public-address.ts'
import { readPurge } from '../../../gateway/admin/purge-request.ts'

const ROUTES = ['wiki', 'photos']

t.test('an address is named as the cache names it', async t => {
  const cases: [string, string][] = [
    ['https://wiki.home.arpa/page', 'https://wiki.home.arpa/page'],
    ['HTTPS://Wiki.Home.ARPA:443/Page?Q=A', 'https://wiki.home.arpa/Page?Q=A'],
    ['http://wiki.home.arpa:80', 'http://wiki.home.arpa/'],
    ['http://wiki.home.arpa:443/', 'http://wiki.home.arpa:443/'],
    ['https://wiki.home.arpa:80/', 'https://wiki.home.arpa:80/'],
    ['http://wiki.home.arpa:/', 'http://wiki.home.arpa/'],
    ['http://wiki.home.arpa?x', 'http://wiki.home.arpa/?x'],
    ['http://wiki.home.arpa/a#part?x', 'http://wiki.home.arpa/a'],
    ['http://a.test/%7Ea/../b//c;d?e=%2f&&f', 'http://a.test/%7Ea/../b//c;d?e=%2f&&f'],
    ['http://[FD00::1]:8080/', 'http://[fd00::1]:8080/'],
    ['http://192.168.1.2/x', 'http://192.168.1.2/x'],
    ['http://Bücher.home.arpa/ü?ß', 'http://xn--bcher-kva.home.arpa/%C3%BC?%C3%9F'],
  ]
  for (const [text, value] of cases) t.strictSame(readPublicAddress(text), { ok: true, value }, text)
})

t.test('what is no whole address is told so', async t => {
  const cases: [string, RegExp][] = [
    ['wiki.home.arpa/page', /whole address/],
    ['/page', /whole address/],
    ['ftp://a/', /whole address/],
    ['https:/a/', /whole address/],
    ['https://', /neither a name nor an address/],
    ['https:///page', /neither a name nor an address/],
    ['https://a b/', /neither a name nor an address/],
    ['https://a:99999/', /neither a name nor an address/],
    ['https://*.home.arpa/', /neither a name nor an address/],
    ['https://me:hunter2@a/', /without user and password/],
    ['https://a/b c', /%20/],
    ['https://a/\u0000', /control character/],
    ['https://a/\ud800', /control character/],
  ]
  for (const [text, problem] of cases) t.match(readPublicAddress(text), { ok: false, problem }, text)
})

t.test('a purge names exactly one thing', async t => {
  const cases: [unknown, object][] = [
    [{ url: 'HTTP://A.test:80/x#y' }, { by: 'url', value: 'http://a.test/x' }],
    [{ prefix: 'https://a.test' }, { by: 'prefix', value: 'https://a.test/' }],
    [{ route: 'wiki' }, { by: 'route', value: 'wiki' }],
    [{ tag: 'https://not an address' }, { by: 'tag', value: 'https://not an address' }],
    [{ all: true }, { by: 'all' }],
  ]
  for (const [body, selector] of cases) t.strictSame(readPurge(body, ROUTES), { ok: true, selector })
})

t.test('anything else is refused with what to write', async t => {
  const cases: [unknown, RegExp][] = [
    [undefined, /write one of \{ "url"/],
    [null, /write one of/],
    ['all', /write one of/],
    [[{ all: true }], /write one of/],
    [{}, /exactly one of/],
    [{ url: 'http://a/', all: true }, /exactly one of/],
    [{ urls: 'http://a/' }, /unknown key "urls"/],
    [{ url: 'http://a/', x: 1 }, /unknown key "x"/],
    [{ constructor: 'x' }, /unknown key "constructor"/],
    [{ ['x'.repeat(500)]: 1 }, /unknown key "x{57}\.\.\."/],
    [{ all: false }, /only be true/],
    [{ all: 'true' }, /only be true/],
    [{ url: 3 }, /"url" must be a text/],
    [{ url: ['http://a/'] }, /"url" must be a text/],
    [{ tag: '' }, /"tag" must be a text that is not empty/],
    [{ url: '/page' }, /^"url": write the whole address/],
    [{ prefix: 'a.test/' }, /^"prefix": write the whole address/],
    [{ route: 'Wiki' }, /there is no route "Wiki"; the routes are: wiki, photos/],
  ]
  for (const [body, problem] of cases) t.match(readPurge(body, ROUTES), { ok: false, problem }, JSON.stringify(body))
  t.match(readPurge({ route: 'x' }, []), { ok: false, problem: /the routes are: none/ })
  const many = Array.from({ length: 60 }, (_, i) => `r${i}`)
  t.match(readPurge({ route: 'x' }, many), { ok: false, problem: /r49, …$/ })
})
