/** What the heads of answers tell of how they came about: Server-Timing, and why, to whoever may know. */
import t from 'tap'
import { decideDebug, whyText } from '../../gateway/debug-header.ts'
import { cacheWord, serverTiming } from '../../gateway/server-timing.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, type Script } from '../support/raw-origin.ts'
import { get, originFor, route } from './support.ts'

t.test('Server-Timing tells what there is to tell', async t => {
  const facts = { cache: null, queueMs: 0, originMs: null, attempts: 0 }
  t.equal(serverTiming(facts), '')
  t.equal(serverTiming({ ...facts, cache: 'hit' }), 'cache;desc="hit"')
  const asked = { cache: 'miss', queueMs: 2, originMs: 12.25, attempts: 1 }
  t.equal(serverTiming(asked), 'cache;desc="miss", queue;dur=2.0, upstream;dur=10.3')
  t.equal(serverTiming({ ...facts, originMs: 5, attempts: 3 }), 'upstream;dur=5.0, attempts;desc="3"')
})

t.test('the word of the cache is that of its own line', async t => {
  const cases: readonly (readonly [string[], string | null])[] = [
    [['Cache-Status', 'hearthgate; hit; ttl=5'], 'hit'],
    [['Cache-Status', 'hearthgate; fwd=uri-miss; stored'], 'uri-miss'],
    [['Cache-Status', 'other; hit', 'Cache-Status', 'hearthgate; fwd=bypass; detail=x'], 'bypass'],
    [['Cache-Status', 'other; hit'], null],
    [['Age', '3'], null],
  ]
  for (const [fields, word] of cases) t.equal(cacheWord(fields), word, fields.join(' '))
})

const LONG = 'words and words '.repeat(400)
const kinds: Script = (request, socket) => {
  const fields = {
    'Cache-Control': request.target === '/kept' ? 'max-age=60' : 'no-store',
    'Content-Type': 'text/plain',
  }
  socket.write(answer(200, request.target === '/own' ? { ...fields, 'Server-Timing': 'db;dur=3' } : fields, LONG))
}

t.test(
  'answers tell their timing on both ways out, from the store, and encoded; only where a route says so',
  async t => {
    const origin = await originFor(t, kinds)
    const timed = `  - { name: app, match: { path: / }, upstream: "${origin.url}", server_timing: true }\n`
    const { port } = await startGateway(t, `${base}routes:\n${timed}${route('quiet', '/quiet', origin.url)}`)
    const timingOf = async (path: string, more = '') => (await exchange(port, get(path, more))).headers['server-timing']
    t.match(await timingOf('/plain'), /^cache;desc="[a-z-]+", upstream;dur=\d+\.\d$/)
    t.match(await timingOf('/own'), /db;dur=3[\s\S]*upstream;dur=/, "the app's own stays")
    t.match(await timingOf('/encoded', 'Accept-Encoding: gzip\r\n'), /upstream;dur=\d+\.\d, encode;desc="gzip"/)
    await timingOf('/kept')
    t.equal(await timingOf('/kept'), 'cache;desc="hit"', 'no origin was asked')
    t.equal(await timingOf('/quiet/x'), undefined)
    t.equal(await timingOf('/quiet/x', 'Accept-Encoding: gzip\r\n'), undefined)
  },
)

t.test('who may ask for the why', async t => {
  const here = { asked: '1', token: null, peer: '127.0.0.1', isForwarded: false }
  const cases = [
    [here, 'loopback'],
    [{ ...here, peer: '::1' }, 'loopback'],
    [{ ...here, peer: '192.168.1.9' }, 'not-loopback'],
    [{ ...here, isForwarded: true }, 'forwarded'],
    [{ ...here, token: 'secret' }, 'no-token'],
    [{ ...here, token: 'secret', asked: 'secret', peer: '192.168.1.9', isForwarded: true }, 'token'],
    [{ ...here, token: 'secret', asked: '' }, 'no-token'],
  ] as const
  for (const [question, reason] of cases) t.equal(decideDebug(question).reason, reason, JSON.stringify(question))
})

t.test('the why is a line of plain letters, and short', async t => {
  const considered = Array.from({ length: 500 }, (_, i) => {
    return { route: `röute-${i}`, host: '*', path: '/', won: false, verdict: 'another one is longer' }
  })
  const explanation = {
    route: { name: 'wïki\r\n', reason: 'path' },
    refusal: null,
    considered,
    sent: null,
    decisions: null,
  }
  const text = whyText(explanation as never, 'id')
  t.ok(text.length <= 3072)
  t.match(text, /^[\x20-\x7e]+$/)
  t.match(JSON.parse(text), { id: 'id', route: { name: 'wïki\r\n' } })
})

t.test('the field of an answer says why, whatever became of the request, and the app sees no question', async t => {
  const origin = await originFor(t, kinds)
  const closed = '  - { name: closed, match: { path: /closed }, deny: true }\n'
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/app', origin.url)}${closed}`)
  const ask = async (path: string, more = 'X-Hearthgate-Debug: 1\r\n') => {
    const why = (await exchange(port, get(path, more))).headers['x-hearthgate-why']
    return why === undefined ? null : JSON.parse(why as string)
  }
  t.match(await ask('/app/kept?token=hunter2hunter2'), {
    route: { name: 'app' },
    sent: { target: '/app/kept?token=***', origins: [origin.url] },
    lost: [],
  })
  t.match(await ask('/app/kept', 'X-Hearthgate-Debug: 1\r\nAccept-Encoding: gzip\r\n'), { route: { name: 'app' } })
  t.match(await ask('/closed'), { refusal: { status: 403 } })
  t.match(await ask('/nowhere'), { route: null, refusal: { status: 404 } })
  t.equal(await ask('/app/kept', ''), null, 'nobody has asked')
  t.equal(
    await ask('/app/kept', 'X-Hearthgate-Debug: 1\r\nX-Forwarded-For: 1.2.3.4\r\n'),
    null,
    'through a tunnel of this machine',
  )
  t.notOk(origin.requests.some(({ headers }) => 'x-hearthgate-debug' in headers))
})
