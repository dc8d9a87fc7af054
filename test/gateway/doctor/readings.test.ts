/** What is read of pages, addresses and apps, and how findings are shown. */
import t from 'tap'
import { findPreset, presetNames } from '../../../gateway/config/presets.ts'
import { findingsText } from '../../../gateway/doctor/index.ts'
import { ownPathOf, recognise, soleOwnerOf } from '../../../gateway/doctor/known-apps.ts'
import { readPage } from '../../../gateway/doctor/page.ts'
import { doorFor, hostOf, originOf, publicTarget, targetAtOrigin } from '../../../gateway/doctor/places.ts'
import { routeOf, withRoute } from '../config/support.ts'
import { answerOf, no, pageWith } from './support.ts'

t.test('a page tells its title, its marks and what it loads', async t => {
  const { title, meta, resources } = readPage(
    `<!doctype html><!-- <script src="/hidden.js"></script> --><head>
     <title> Some app </title><base href="/sub/">
     <meta content='App &amp; co' name=Application-Name>
     <link rel=stylesheet href="a.css?x=1&amp;y=2"><link rel="canonical" href="http://elsewhere.test/">
     <script>document.write('<script src="/written.js">')</script><script type=module src='b.js'></script>
     <img src="//cdn.test/c.png"><img src="data:image/png;base64,AA">`,
    'https://a.test/page',
  )
  t.equal(title, 'Some app')
  t.strictSame(meta, { 'application-name': 'App & co' })
  t.strictSame(resources, [
    { kind: 'style', url: 'https://a.test/sub/a.css?x=1&y=2' },
    { kind: 'script', url: 'https://a.test/sub/b.js' },
    { kind: 'other', url: 'https://cdn.test/c.png' },
  ])
})

t.test('pages of any kind are read in bounded time', async t => {
  const starts = ['<script', '<img src="', '<', '<!--', '<img a', '<script>', '<title>', `<img ${'a'.repeat(4000)}`]
  for (const text of ['', ...starts.map(start => start.repeat(Math.ceil(200_000 / start.length)))]) {
    t.ok(readPage(text, 'http://a.test/').resources.length <= 100)
  }
})

t.test('the door with TLS comes first, and its Host is that of a browser', async t => {
  const listen = ['http://127.0.0.1:8080', 'https://127.0.0.1:443']
  t.match(doorFor(listen, 'a.test'), { scheme: 'https', host: 'a.test', origin: 'https://a.test' })
  t.match(doorFor(listen, '*.a.test'), { name: 'hearthgate-doctor.a.test' })
  t.match(doorFor(['http://[::1]:8080'], '*'), { host: '[::1]:8080', place: { to: { host: '::1', port: 8080 } } })
  t.equal(doorFor([], 'a.test'), null)
  for (const [hosts, name] of [
    ["['*', '*.a.test', b.test]", 'b.test'],
    ["['*', '*.a.test']", '*.a.test'],
  ] as const) {
    t.equal(hostOf(routeOf(withRoute(`match: { host: ${hosts} }`))), name)
  }
})

t.test('a path is told as visitors and as the app know it', async t => {
  const stripped = routeOf(withRoute('match: { path: /notes }', 'rewrite_path: /base'))
  t.equal(publicTarget(stripped, '/x'), '/notes/x')
  t.equal(targetAtOrigin(stripped, '/notes/x?a=1'), '/base/x?a=1')
  t.equal(targetAtOrigin(stripped, '/notes?a=1'), '/base/?a=1')
  t.equal(targetAtOrigin(routeOf(withRoute('match: { path: /notes }')), '/notes/x'), '/notes/x')
  t.match(originOf('unix:/run/app.sock', null), {
    authority: 'localhost',
    place: { to: { socketPath: '/run/app.sock' } },
  })
  t.match(originOf('https://app.lan', 'other.lan'), { port: 443, place: { secure: true, serverName: 'other.lan' } })
})

t.test("apps are known by their own signs, and by no one else's", async t => {
  const named = (title: string) => recognise([answerOf()], pageWith(`<title>${title}</title>`))?.preset
  t.equal(named('Node-RED'), 'node-red')
  t.equal(named('My Node-RED'), undefined)
  t.equal(recognise([answerOf(409, { 'X-Transmission-Session-Id': 'a' })], null)?.preset, 'transmission')
  t.equal(recognise([no, answerOf(403, {}, 'Host check error')], null)?.preset, 'syncthing')
  t.match(recognise([answerOf(200, { Server: 'hearthgate-demo' })], null), {
    preset: null,
    paths: { upgrades: ['/ws'] },
  })
  t.equal(recognise([no], null), null)
  t.strictSame(recognise([answerOf()], pageWith('<title>Flood</title>'))?.paths.streams, ['/api/activity-stream'])
})

t.test("a port stands for an app only where it is no other's, and a path is its own", async t => {
  t.equal(soleOwnerOf(2283)?.name, 'immich')
  t.equal(soleOwnerOf(3000), null, 'many apps listen there')
  t.equal(soleOwnerOf(1), null)
  t.equal(ownPathOf(findPreset('immich')!), '/api/server/ping')
  t.equal(ownPathOf(findPreset('verdaccio')!), null, 'asking for it would make it fetch')
  for (const path of presetNames().flatMap(name => ownPathOf(findPreset(name)!) ?? [])) t.match(path, /^\//)
})

t.test('findings are shown with colours on a terminal only, and control characters never', async t => {
  const remedy = { where: 'route', file: 'a', line: 'cache: false' } as const
  const findings = [{ check: 'caching', status: 'fail', reason: 'evil \u001b[2J', remedy } as const]
  const told = [{ route: 'a', address: 'http://a.test/', findings }]
  const plain = findingsText(told, false)
  t.notOk(plain.includes('\u001b'))
  t.match(
    plain,
    /^a {2}http:\/\/a\.test\/\n {2}fail {2}caching {2}evil \ufffd\[2J\n {8}in route 'a': cache: false\n\n1 route: 1 wrong/,
  )
  t.ok(findingsText(told, true).includes('\u001b[31mfail\u001b[0m'))
})
