/** What browsers get: codings, cache, cookies, certificates, clocks: each case is one thing that is wrong, with the line that cures it. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { judgeRoute } from '../../../gateway/doctor/judge.ts'
import {
  answerOf,
  appSaid,
  assetWith,
  type CertificateChange,
  certificateOf,
  DAY_MS,
  factsOf,
  failure,
  findsEach,
  knownApp,
  NOW_MS,
  pageWith,
  pair,
  streamOf,
  talkOf,
  visited,
  well,
} from './support.ts'

const NAMED = '/assets/app.1f0c22ab.js'
const js = { 'Content-Type': 'text/javascript' }
const script = 'let a = 1;'.repeat(500)
const text = answerOf(200, js, script)
const zipped = (of: string) => answerOf(200, { ...js, 'Content-Encoding': 'gzip' }, gzipSync(of))
const cookie = (line: string) => visited({ 'Set-Cookie': line })
const shows = (src: string) => ({ page: pageWith(`<script src="${src}"></script>`) })
const stripped = ['match: { path: /wiki }', 'rewrite_path: /']
const http = ['http://127.0.0.1:8080']
const own = (more: CertificateChange) => ({ certificates: [certificateOf(more)] })
const refused = visited(failure(502, 'HG_UPSTREAM_CERTIFICATE'))
const app = (more: CertificateChange) => ({ originCertificate: certificateOf(more), ...refused })
const clock = (offMs: number) => appSaid({ alone: answerOf(200, { Date: new Date(NOW_MS + offMs).toUTCString() }) })
const toHttp = { hops: [{ status: 302, location: 'http://wiki.test:8443/a', answer: answerOf(302) }] }
const priv = appSaid({ forwarded: answerOf(200, { 'Cache-Control': 'private' }) })

findsEach(t, [
  [
    'bytes that are not those of the app',
    factsOf([], assetWith({ direct: text, plain: text, encoded: zipped('other') })),
    'compression',
    'fail',
    /^compression: false$/,
  ],
  [
    'a coding that is none',
    factsOf([], assetWith({ encoded: answerOf(200, { 'Content-Encoding': 'br' }, 'text') })),
    'compression',
    'fail',
    /^compression: false$/,
  ],
  [
    'a coding of the app that is lost',
    factsOf([], assetWith({ plain: text, encoded: text, directEncoded: zipped(script) })),
    'compression',
    'fail',
    /^compression: \{/,
  ],
  [
    'text that nobody encodes',
    factsOf(['compression: false'], assetWith({ plain: text, encoded: text })),
    'compression',
    'warn',
    /^compression: \{ algorithms/,
  ],
  [
    'a private page from the cache',
    factsOf([], { ...priv, ...visited({ 'Cache-Status': 'hearthgate; hit; ttl=3' }) }),
    'caching',
    'fail',
    /^cache: false$/,
  ],
  [
    'a file with a name of its own and no lifetime',
    factsOf([], { ...shows(NAMED), ...assetWith({ target: NAMED }) }),
    'caching',
    'warn',
    /immutable: \['\/assets'\]/,
  ],
  [
    'a cookie for another name',
    factsOf([], cookie('a=1; Domain=other.test; Secure')),
    'cookies',
    'fail',
    /^Domain=wiki\.test$/,
  ],
  ['a cookie that browsers drop', factsOf([], cookie('a=1; SameSite=None')), 'cookies', 'fail', /^SameSite=Lax$/],
  [
    'a cookie for another path',
    factsOf(stripped, cookie('a=1; Path=/app; Secure')),
    'cookies',
    'fail',
    /^Path=\/wiki\/$/,
  ],
  ['a cookie without Secure', factsOf([], cookie('a=1; HttpOnly')), 'cookies', 'warn', /^Secure$/],
  ['a Secure cookie over http', factsOf([], cookie('a=1; Secure'), http), 'cookies', 'fail', /^tls: /],
  [
    'files over http on a page of https',
    factsOf([], shows('http://cdn.test/a.js')),
    'mixed-content',
    'fail',
    /^https:\/\/cdn\.test\/a\.js$/,
  ],
  ['own files over http', factsOf([], shows('http://wiki.test/a.js')), 'mixed-content', 'fail', /^127\.0\.0\.1$/],
  [
    'own files of Nextcloud over http',
    factsOf([], { known: knownApp('nextcloud'), ...shows('http://wiki.test/a.js') }),
    'mixed-content',
    'fail',
    /trusted_proxies/,
  ],
  [
    'a redirect to http',
    factsOf([], { through: { ...toHttp, last: answerOf(302), address: 'https://wiki.test:8443/' } }),
    'mixed-content',
    'fail',
    /./,
  ],
  [
    'a certificate that has ended',
    factsOf([], own({ validToMs: NOW_MS - DAY_MS })),
    'certificate',
    'fail',
    /^tls: \{ cert: wiki\.test\.pem/,
  ],
  [
    'a certificate that has not begun',
    factsOf([], own({ validFromMs: NOW_MS + DAY_MS })),
    'certificate',
    'fail',
    /wiki\.test/,
  ],
  ['a certificate for another name', factsOf([], own({ coversName: false })), 'certificate', 'fail', /wiki\.test\.pem/],
  [
    'a certificate that ends soon',
    factsOf([], own({ validFromMs: NOW_MS - 77 * DAY_MS, validToMs: NOW_MS + 13 * DAY_MS })),
    'certificate',
    'warn',
    /^tls: \{ cert: wiki\.test/,
  ],
  [
    'a certificate of 6 days that was not renewed in time',
    factsOf([], {
      ...own({ validFromMs: NOW_MS - 5 * DAY_MS, validToMs: NOW_MS + DAY_MS }),
      issuers: { acme: true, localCa: true },
    }),
    'certificate',
    'warn',
    /^hearthgate check$/,
  ],
  [
    'a certificate that was never issued',
    factsOf([], { ...own({ names: 'DNS:hearthgate.invalid' }), issuers: { acme: true, localCa: false } }),
    'certificate',
    'fail',
    /^hearthgate check$/,
  ],
  [
    'a name that the local CA has no certificate for',
    factsOf([], { ...own({ coversName: false }), issuers: { acme: false, localCa: true } }),
    'certificate',
    'fail',
    /^tls: \{ local_ca: true, hosts: \[wiki\.test\] \}$/,
  ],
  [
    'the second of two certificates',
    factsOf([], { certificates: [certificateOf(), certificateOf({ name: 'b.test', coversName: false })] }),
    'certificate',
    'fail',
    /b\.test\.pem/,
  ],
  [
    'an app whose certificate nobody knows',
    factsOf([], app({ distrust: 'DEPTH_ZERO_SELF_SIGNED_CERT' })),
    'certificate',
    'fail',
    /^tls: \{ pin: '(ab){32}' \}$/,
  ],
  [
    'an app whose certificate has another name',
    factsOf([], app({ coversName: false, names: 'DNS:app.lan' })),
    'certificate',
    'fail',
    /^tls: \{ server_name: app\.lan \}$/,
  ],
  [
    'an app whose certificate has ended',
    factsOf([], app({ validToMs: NOW_MS - 1 })),
    'certificate',
    'fail',
    /a new one for/,
  ],
  [
    'another certificate than the pinned one',
    factsOf([`tls: { pin: '${'0'.repeat(64)}' }`], app({})),
    'certificate',
    'fail',
    /^tls: \{ pin: '(ab){32}' \}$/,
  ],
  ['a clock that is far off', factsOf([], clock(-400_000)), 'clock', 'fail', /set-ntp true/],
  ['a clock that is a little off', factsOf([], clock(60_000)), 'clock', 'warn', /set-ntp true/],
])

t.test('nothing is wrong where all is well', async t => {
  const streams = [pair(streamOf(200, 10), streamOf(200, 60))]
  const cases = [
    well,
    factsOf([], {}, http),
    factsOf(['preset: node-red'], { known: knownApp('node-red'), upgrades: [pair(talkOf(101), talkOf(101))] }),
    factsOf(['preset: flood'], { known: knownApp('flood'), streams }),
    factsOf([], { upload: pair(talkOf(413), talkOf(413)), ...cookie('a=1; Secure; Path=/') }),
    factsOf([], { originCertificate: certificateOf({ distrust: 'X', coversName: false }) }),
    factsOf([], assetWith({ plain: text, direct: text, encoded: zipped(script) })),
  ]
  for (const facts of cases) {
    t.strictSame(
      judgeRoute(facts).filter(({ status }) => status === 'fail' || status === 'warn'),
      [],
    )
  }
})

t.test('a star that browsers refuse is told apart from another name', async t => {
  const said = (names: string, name: string) => {
    const findings = judgeRoute(factsOf([], own({ names, name, coversName: false })))
    return findings.find(({ check }) => check === 'certificate')?.reason
  }
  const localhost = 'DNS:localhost, DNS:*.localhost'
  t.match(said(localhost, 'wiki.localhost'), /no browser takes \*\.localhost for it, so each name has to stand there/)
  t.equal(said(localhost, 'a.wiki.localhost'), `the certificate is for ${localhost}, not for a.wiki.localhost`)
  t.equal(said('DNS:*.home.test', 'wiki.test'), 'the certificate is for DNS:*.home.test, not for wiki.test')
})

t.test('where the gateway asks for a password, what is behind it is left alone', async t => {
  const { route } = well
  const access = { ...(route.access as object), basic: { realm: 'a', users: {}, userHeader: null } } as never
  const behind = { upgrades: [pair(talkOf(101), talkOf(401))], streams: [pair(streamOf(200, 1), streamOf(401, null))] }
  const findings = judgeRoute({ ...well, ...behind, ...visited(answerOf(401)), route: { ...route, access } })
  for (const check of ['gateway', 'websocket', 'sse'])
    t.equal(findings.find(one => one.check === check)?.status, 'skip', check)
})

t.test('an app that speaks HTTP/2 in the clear has no direct checks', async t => {
  const findings = judgeRoute(factsOf([], { origins: [], around: null, through: null }))
  t.equal(findings[0]?.status, 'skip')
  t.strictSame(
    findings.filter(({ status }) => status === 'fail'),
    [],
  )
})
