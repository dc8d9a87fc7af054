/** Where an answer sends its client: which addresses are the app's own names for itself, and how they are told. */
import t from 'tap'
import { type LocationQuestion, mayLocate, publicLocation } from '../../../gateway/rules/location.ts'

const WIKI = 'http://127.0.0.1:3000'

function question({ mount = null, ...more }: Partial<LocationQuestion> & { mount?: [string, string] | null }) {
  const own = {
    origins: new Set([WIKI, 'https://wiki.lan']),
    mount: mount === null ? null : { path: mount[0], base: mount[1] },
  }
  const client = { proto: 'https', host: 'home.test:8443' } as const
  return { own, client, sentHost: client.host, asked: '/asked', isElsewhere: () => false, ...more }
}

const plain = { client: { proto: 'http', host: 'home.test' } } as const
const inside = { sentHost: 'localhost:8384' }
const stripped = { mount: ['/notes', ''] } as { mount: [string, string] }
const deeper = { mount: ['/notes', '/app/notes'] } as { mount: [string, string] }
const nested = { mount: ['/app/notes', '/app'] } as { mount: [string, string] }

const cases: [title: string, location: string, asked: Parameters<typeof question>[0], told: string | null][] = [
  ['the scheme that the client used', 'http://home.test:8443/x?y#z', {}, 'https://home.test:8443/x?y#z'],
  [
    'the port that the client used',
    'http://home.test:80/x',
    { client: { proto: 'https', host: 'home.test' } },
    'https://home.test/x',
  ],
  ['in any letter case', 'HTTP://Home.Test:8443', {}, 'https://home.test:8443'],
  ['right already', 'https://home.test:8443/x', {}, null],
  ['another port of the same name', 'http://home.test:9000/x', {}, null],
  ['towards https alone', 'https://home.test/x', plain, null],
  ['no ring', 'http://home.test:8443/asked', {}, null],
  ['the own name of the origin', `${WIKI}/x`, {}, 'https://home.test:8443/x'],
  ['the own name, to a client without TLS', `${WIKI}/x`, plain, 'http://home.test/x'],
  ['another scheme than that of the origin', 'https://127.0.0.1:3000/x', plain, null],
  ['the Host that the route sends', 'http://localhost:8384/x', inside, 'https://home.test:8443/x'],
  ['TLS at the Host that the route sends', 'https://localhost:8384/x', { ...inside, ...plain }, null],
  ['somebody else', 'http://elsewhere.test/x', {}, null],
  ['somebody else by name and password', 'http://home.test:8443@elsewhere.test/x', {}, null],
  ['a path', '/x', {}, null],
  ['a path of an app below one', '/login?next=%2F', stripped, '/notes/login?next=%2F'],
  ['the root of an app below a path', '/', stripped, '/notes/'],
  ['an app that knows where it is', '/notes/login', stripped, null],
  ['a path that only begins alike', '/notesbook', stripped, '/notes/notesbook'],
  ['the path of another app', '/sso/login', { ...stripped, isElsewhere: () => true }, null],
  ['the same in a whole address', 'http://home.test:8443/login', stripped, 'https://home.test:8443/notes/login'],
  ['the own name without a path', 'http://127.0.0.1:3000', stripped, 'https://home.test:8443'],
  ['another base', '/app/notes/x', deeper, '/notes/x'],
  ['the base itself', '/app/notes', deeper, '/notes'],
  ['beside the base', '/app/other', deeper, null],
  ['a mount below its base', '/app/login', nested, '/app/notes/login'],
  ['a mount below its base, known', '/app/notes/login', nested, null],
  ['the base becomes the root', '/base', { mount: ['', '/base'] }, '/'],
  ['below the root', '/base/x', { mount: ['', '/base'] }, '/x'],
  ['another host without a scheme', '//elsewhere.test/x', stripped, null],
  ['another host in disguise', '/\\elsewhere.test/x', stripped, null],
  ['beside the page', 'login', stripped, null],
  ['no web address', 'mailto:joe@home.test', {}, null],
]

for (const [title, location, asked, told] of cases) {
  t.test(`${title}: ${location}`, async t => {
    t.equal(publicLocation(location, question(asked)), told)
  })
}

t.test('only where a Location sends somebody', async t => {
  t.same([200, 201, 301, 302, 303, 304, 307, 308, 404].filter(mayLocate), [201, 301, 302, 303, 307, 308])
})
