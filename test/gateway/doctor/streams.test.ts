/** Sockets, streams, times and bodies: each case is one thing that is wrong, with the line that cures it. */
import t from 'tap'
import { judgeRoute } from '../../../gateway/doctor/judge.ts'
import type { StreamSeen } from '../../../gateway/doctor/probes/talks.ts'
import {
  answerOf,
  appSaid,
  factsOf,
  failure,
  findsEach,
  knownApp,
  ok,
  pair,
  seenPair,
  streamOf,
  talkOf,
  visited,
} from './support.ts'

const limits = (text: string) => [`limits: { ${text} }`]
const off = ['protocol: { websocket_enabled: false }']
const upgraded = (status: number, word: string) => ({ upgrades: [pair(talkOf(101), talkOf(status, word))] })
const streaming = (direct: StreamSeen, through: StreamSeen) => ({ streams: [pair(direct, through)] })
const slow = streaming(streamOf(200, 2_000), streamOf(504, null))
const tookNine = appSaid({ forwarded: { ...ok, headMs: 9_000 } })
const late = { ...tookNine, ...visited(failure(504, 'HG_UPSTREAM_TIMEOUT')) }
const tooLarge = { upload: pair(talkOf(100), talkOf(413, 'HG_BODY_TOO_LARGE')) }
const listOf = (href: string) =>
  answerOf(207, {}, `<D:multistatus xmlns:D="DAV:"><D:response><D:href>${href}</D:href></D:response></D:multistatus>`)
const part = (text: string, range = 'bytes 0-1/9') => answerOf(206, { 'Content-Range': range }, text)

findsEach(t, [
  [
    'sockets that are switched off',
    factsOf(off, upgraded(403, 'HG_WEBSOCKET_OFF')),
    'websocket',
    'fail',
    /websocket_enabled: true/,
  ],
  [
    'the same of an app that is known to have them',
    factsOf(off, { known: knownApp('node-red') }),
    'websocket',
    'fail',
    /websocket_enabled: true/,
  ],
  [
    'sockets that do not come through',
    factsOf([], upgraded(502, 'HG_UPSTREAM_RESET')),
    'websocket',
    'fail',
    /^hearthgate explain GET https:\/\/wiki\.test:8443\/x --live$/,
  ],
  [
    'a stream that is held back',
    factsOf([], streaming(streamOf(200, 10), streamOf(200, null))),
    'sse',
    'fail',
    /^compression: false$/,
  ],
  [
    'a stream that comes late',
    factsOf([], streaming(streamOf(200, 10), streamOf(200, 900))),
    'sse',
    'fail',
    /^compression: false$/,
  ],
  [
    'a stream that is cut',
    factsOf([], streaming(streamOf(200, 10), streamOf(200, 10, { ended: true }))),
    'sse',
    'fail',
    /idle_timeout: 10m/,
  ],
  [
    'a stream that is not waited for',
    factsOf(limits('response_timeout: 1s'), slow),
    'sse',
    'fail',
    /response_timeout: 30s/,
  ],
  [
    'the same, by its time',
    factsOf(limits('response_timeout: 1s'), slow),
    'time-limits',
    'fail',
    /response_timeout: 1m/,
  ],
  [
    'an idle limit below the pauses of live data',
    factsOf(limits('idle_timeout: 20s'), { known: knownApp('flood') }),
    'time-limits',
    'fail',
    /idle_timeout: 10m/,
  ],
  [
    'a wait below the first event of live data',
    factsOf(limits('response_timeout: 9s'), { known: knownApp('flood') }),
    'time-limits',
    'fail',
    /response_timeout: 10m/,
  ],
  [
    'a limit below the time of the app',
    factsOf(limits('response_timeout: 1s'), late),
    'time-limits',
    'fail',
    /response_timeout: 36s/,
  ],
  [
    'a limit near the time of the app',
    factsOf(limits('response_timeout: 10s'), tookNine),
    'time-limits',
    'warn',
    /response_timeout: 36s/,
  ],
  [
    'a limit below what the contract says',
    factsOf([], { known: knownApp('nextcloud') }),
    'time-limits',
    'warn',
    /response_timeout: 1h/,
  ],
  [
    'a limit that no busy app keeps',
    factsOf(limits('response_timeout: 900ms')),
    'time-limits',
    'warn',
    /response_timeout: 30s/,
  ],
  ['a pause that no busy app keeps', factsOf(limits('idle_timeout: 900ms')), 'time-limits', 'warn', /idle_timeout: 2m/],
  [
    'parts that become the whole',
    factsOf([], { ranges: seenPair(part('ab'), answerOf(200, { 'Content-Encoding': 'gzip' })) }),
    'ranges',
    'fail',
    /^compression: false$/,
  ],
  [
    'parts with other bytes',
    factsOf([], { ranges: seenPair(part('ab'), part('cd')) }),
    'ranges',
    'fail',
    /^cache: false$/,
  ],
  [
    'parts of another place',
    factsOf([], { ranges: seenPair(part('ab'), part('ab', 'bytes 4-5/9')) }),
    'ranges',
    'fail',
    /^cache: false$/,
  ],
  [
    'a limit of bodies below what the app is sent',
    factsOf(limits('body_size: 1MB'), { known: knownApp('tiddlywiki'), ...tooLarge }),
    'upload',
    'fail',
    /body_size: none/,
  ],
  ['a small limit of bodies', factsOf(limits('body_size: 1MB'), tooLarge), 'upload', 'warn', /body_size: none/],
  [
    'an upload that nobody answers',
    factsOf(['protocol: { client: undici }'], { upload: pair(talkOf(100), talkOf(null)) }),
    'upload',
    'fail',
    /client: native/,
  ],
  [
    'WebDAV that is refused',
    factsOf([], { webdav: seenPair(answerOf(207), answerOf(405)) }),
    'webdav',
    'fail',
    /^hearthgate explain PROPFIND/,
  ],
  [
    'WebDAV that lists its resources outside of the path',
    factsOf(['match: { path: /dav }', 'rewrite_path: /'], { webdav: seenPair(listOf('/'), listOf('/')) }),
    'webdav',
    'fail',
    /^\/dav, and no rewrite_path/,
  ],
  [
    'WebDAV that names another address',
    factsOf(['webdav: { destination: keep }'], { webdav: seenPair(answerOf(207), answerOf(207)) }),
    'webdav',
    'warn',
    /destination: rewrite/,
  ],
])

t.test('a limit that the owner chose, and that is large enough for photos, is left alone', async t => {
  const findings = judgeRoute(factsOf(limits('body_size: 50MB'), tooLarge))
  t.match(
    findings.find(({ check }) => check === 'upload'),
    { status: 'pass', reason: /above 50MB/ },
  )
})

t.test('an app that takes no upload where it was asked is no fault', async t => {
  for (const status of [401, 404, 405]) {
    const findings = judgeRoute(factsOf([], { upload: pair(talkOf(status), talkOf(100)) }))
    const reason = new RegExp(`takes no upload there and says so by ${status}`)
    t.match(
      findings.find(({ check }) => check === 'upload'),
      { status: 'pass', reason },
    )
  }
  const broken = judgeRoute(factsOf([], { upload: pair(talkOf(500), talkOf(100)) }))
  t.equal(broken.find(({ check }) => check === 'upload')?.status, 'warn')
})

t.test('WebDAV that lists its resources below the path, or in words that are not read, is no fault', async t => {
  const below = ['/dav/', '/dav', 'http://127.0.0.1:3000/dav/a%20b', 'http://[', '']
  for (const href of below) {
    const webdav = seenPair(listOf(href), listOf(href))
    const findings = judgeRoute(factsOf(['match: { path: /dav }'], { webdav }))
    t.equal(findings.find(({ check }) => check === 'webdav')?.status, 'pass', href)
  }
  const beside = listOf('/davos/')
  const findings = judgeRoute(factsOf(['match: { path: /dav }'], { webdav: seenPair(beside, beside) }))
  t.match(
    findings.find(({ check }) => check === 'webdav'),
    { status: 'fail', reason: /lists \/davos\/, outside of \/dav/ },
  )
})

t.test('an app whose preset keeps the addresses of WebDAV is not told to have them rewritten', async t => {
  const webdav = seenPair(answerOf(207), answerOf(207))
  const findings = judgeRoute(factsOf(['webdav: { destination: keep }'], { known: knownApp('radicale'), webdav }))
  t.equal(findings.find(({ check }) => check === 'webdav')?.status, 'pass')
})
