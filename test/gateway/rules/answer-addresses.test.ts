/** The addresses in Refresh and in cookies: which are told as the client knows them, and that no working cookie is lost. */
import t from 'tap'
import { publicCookie, publicRefresh, tellAddresses } from '../../../gateway/rules/answer-addresses.ts'
import type { LocationQuestion } from '../../../gateway/rules/location.ts'

type Mount = readonly [path: string, base: string] | null

function question(mount: Mount, isElsewhere = (_path: string) => false): LocationQuestion {
  const own = {
    origins: new Set(['http://127.0.0.1:3000']),
    mount: mount === null ? null : { path: mount[0], base: mount[1] },
  }
  const client = { proto: 'https', host: 'home.test' } as const
  return { own, client, sentHost: 'home.test', asked: '/notes/asked', isElsewhere }
}

const stripped: Mount = ['/notes', '']
const deeper: Mount = ['/notes', '/base']
const nested: Mount = ['/app/notes', '/app']
const root: Mount = ['', '/base']

const cookies: [title: string, mount: Mount, path: string, told: string | null][] = [
  ['a part of the app', stripped, '/admin', '/notes/admin'],
  ['a part of the app, as a folder', stripped, '/admin/', '/notes/admin/'],
  ['the whole host works', stripped, '/', null],
  ['an app that knows where it is', stripped, '/notes', null],
  ['the same as a folder', stripped, '/notes/', null],
  ['the same, a part of it', stripped, '/notes/admin', null],
  ['a path that only begins alike', stripped, '/notesbook', '/notes/notesbook'],
  ['the base', deeper, '/base', '/notes'],
  ['the base as a folder', deeper, '/base/', '/notes/'],
  ['below the base', deeper, '/base/x', '/notes/x'],
  ['beside the base', deeper, '/bases', null],
  ['the whole host, with a base', deeper, '/', null],
  ['above the mount, which works', nested, '/app', null],
  ['below the base of a mount below it', nested, '/app/x', '/app/notes/x'],
  ['the base becomes the whole host', root, '/base', '/'],
  ['the same as a folder', root, '/base/', '/'],
  ['no mount', null, '/admin', null],
  ['no path: the address of the page decides', stripped, '', null],
  ['no path either', stripped, 'admin', null],
]

for (const [title, mount, path, told] of cookies) {
  t.test(`${title}: Path=${path}`, async t => {
    const cookie = (value: string) => `sid=a=b"/x"; HttpOnly; Path=${value}; Max-Age=9`
    t.equal(publicCookie(cookie(path), question(mount)), told === null ? null : cookie(told))
  })
}

t.test('a cookie keeps its bytes but for the Path, in whatever spelling', async t => {
  const asked = question(stripped)
  t.equal(publicCookie('path=/a;pAtH = /a ;Secure', asked), 'path=/a;pAtH =/notes/a;Secure', 'a cookie named path')
  t.equal(publicCookie('s=1; Path=/; Path=/a', asked), 's=1; Path=/; Path=/notes/a', 'the last one counts')
  t.equal(publicCookie('s=1; Path="/a"', asked), null, 'quotes make it no path')
  t.equal(publicCookie('s=1; Path', asked), null)
  t.equal(publicCookie('s=1', asked), null)
  t.equal(publicCookie('__Host-s=1; Secure; Path=/', asked), null, 'a prefix that demands the whole host')
  const isSso = (path: string) => path === '/sso'
  t.equal(publicCookie('s=1; Path=/sso', question(stripped, isSso)), null, 'of another app of this host')
})

const refreshes: [value: string, told: string | null][] = [
  ['5; url=/next?a=b', '5; url=/notes/next?a=b'],
  ['0;URL="/next" ', '0;URL="/notes/next" '],
  ["0.5, url = '/next'; x", "0.5, url = '/notes/next'; x"],
  ['3; /next', '3; /notes/next'],
  ['0; url=http://127.0.0.1:3000/next', '0; url=https://home.test/notes/next'],
  ['0; url=http://home.test/asked', '0; url=https://home.test/notes/asked'],
  ['0; url=/notes/next', null],
  ['0; url=next', null],
  ['0; url=//elsewhere.test/', null],
  ['0; url=https://elsewhere.test/', null],
  ['5', null],
  ['5; url=', null],
  ['', null],
]

for (const [value, told] of refreshes) {
  t.test(`Refresh: ${value}`, async t => t.equal(publicRefresh(value, question(stripped)), told))
}

t.test('the fields of an answer, each by its own switch', async t => {
  const fields = ['Location', '/a', 'REFRESH', '0; url=/a', 'set-cookie', 's=1; Path=/a', 'X-Fields', '/a']
  const told = (status: number, location: 'public' | 'keep', cookiePath: 'public' | 'keep') => {
    const copy = fields.slice()
    tellAddresses({ status, fields: copy }, { location, cookiePath }, () => question(stripped))
    return copy.filter((_, i) => i % 2 === 1)
  }
  t.strictSame(told(302, 'public', 'public'), ['/notes/a', '0; url=/notes/a', 's=1; Path=/notes/a', '/a'])
  t.strictSame(told(200, 'public', 'keep'), ['/a', '0; url=/notes/a', 's=1; Path=/a', '/a'])
  t.strictSame(told(302, 'keep', 'public'), ['/a', '0; url=/a', 's=1; Path=/notes/a', '/a'])
})
