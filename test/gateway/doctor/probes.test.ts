/** Probes on real sockets: bounded in time and bytes, never more than a question. */
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { ask, type Place } from '../../../gateway/doctor/probes/ask.ts'
import { readCertificate } from '../../../gateway/doctor/probes/certificate.ts'
import { knock } from '../../../gateway/doctor/probes/raw.ts'
import { announceUpload, askUpgrade, nowhere, watchStream } from '../../../gateway/doctor/probes/talks.ts'
import { selfSigned } from '../../support/certificates.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { originFor } from '../support.ts'

const at = (port: number, secure = false): Place => ({ secure, to: { host: '127.0.0.1', port }, serverName: null })
const placeOf = async (t: Test, script: Script) => at((await originFor(t, script)).port)
const question = { target: '/', host: 'a.test' }

t.test('an answer is told with its fields in order', async t => {
  const place = await placeOf(t, (_, socket) => void socket.write(answer(203, { 'X-B': '1', 'X-A': '2' }, 'text')))
  const seen = await ask(place, question)
  t.match(seen, { kind: 'answer', status: 203, isWhole: true })
  t.equal(seen.kind === 'answer' && seen.body.toString(), 'text')
  t.strictSame(seen.kind === 'answer' && seen.fields.slice(1), [
    ['x-b', '1'],
    ['x-a', '2'],
  ])
})

t.test('silence ends a question, and an endless answer is cut at its bound', async t => {
  const silent = await placeOf(t, () => {})
  t.match(await ask(silent, { ...question, timeoutMs: 100 }), { kind: 'none', code: 'TIMEOUT' })
  const endless = await placeOf(t, (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n')
    const timer = setInterval(() => socket.write('x'.repeat(10_000)), 1)
    socket.on('close', () => clearInterval(timer))
  })
  const seen = await ask(endless, { ...question, maxBytes: 25_000 })
  t.match(seen, { kind: 'answer', isWhole: false })
  t.equal(seen.kind === 'answer' && seen.body.length, 25_000)
  const stalled = await placeOf(t, (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'))
  t.match(await ask(stalled, { ...question, timeoutMs: 1_000 }), { kind: 'answer', status: 200, isWhole: false })
})

t.test('what is no answer is told by its code', async t => {
  t.match(await ask(at(1), question), { kind: 'none', code: 'ECONNREFUSED' })
  const garbage = await placeOf(t, (_, socket) => void socket.end('220 mail\r\n'))
  t.match(await ask(garbage, question), { kind: 'none', code: /^HPE_/ })
  const strange = { target: '/a b', host: 'a\r\n.test' }
  t.match(await ask(garbage, strange), { kind: 'none', code: /^ERR_/ })
  const plain = await placeOf(t, (_, socket) => void socket.write(answer(200, {})))
  t.match(await ask({ ...plain, secure: true }, { ...question, timeoutMs: 500 }), { kind: 'none' })
})

t.test('an upload is announced and never begun, whatever the app says', async t => {
  for (const [reply, status, code] of [
    ['HTTP/1.1 100 Continue\r\n\r\n', 100, null],
    [answer(413, {}, '{"code":"HG_BODY_TOO_LARGE"}'), 413, 'HG_BODY_TOO_LARGE'],
  ] as const) {
    const origin = await originFor(t, (_, socket) => void socket.write(reply))
    const seen = await announceUpload(at(origin.port), { target: `/${nowhere()}`, host: 'a.test' })
    t.match(seen, { status, code })
    const [request] = origin.requests
    t.match(request?.headers, { expect: '100-continue', 'content-length': '1073741824' })
    await t.rejects(request?.complete as Promise<unknown>)
    t.equal(request?.body.length, 0)
  }
})

t.test('an upgrade is told by its status', async t => {
  const place = await placeOf(t, ({ headers }, socket) => {
    const isAsked = headers['sec-websocket-key'] !== undefined && headers['origin'] === 'http://a.test'
    socket.write(isAsked ? 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n' : answer(400, {}))
  })
  t.match(await askUpgrade(place, question, 'http://a.test'), { status: 101 })
  t.match(await askUpgrade(place, question, 'http://b.test'), { status: 400 })
})

t.test('a 101 to another protocol is no socket', async t => {
  for (const upgrade of ['', 'Upgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n']) {
    const place = await placeOf(
      t,
      (_, socket) => void socket.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`),
    )
    t.match(await askUpgrade(place, question, 'http://a.test'), { status: null, error: 'another protocol' })
  }
})

t.test('a stream is watched: when it begins, whether it ends', async t => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
  const open = await placeOf(t, (_, socket) => void socket.write(`${head}data: 1\n\n`))
  const closed = await placeOf(t, (_, socket) => void socket.end(`${head}data: 1\n\n`))
  const page = await placeOf(t, (_, socket) => void socket.write(answer(401, {})))
  const [one, two, three] = await Promise.all([open, closed, page].map(place => watchStream(place, question)))
  t.match(one, { status: 200, type: 'text/event-stream', ended: false, firstMs: Number })
  t.match(two, { status: 200, ended: true })
  t.match(three, { status: 401 })
})

t.test('a knock tells whether anything listens, and by which address', async t => {
  const place = await placeOf(t, () => {})
  t.match(await knock(place, 1_000), { code: null, localAddress: '127.0.0.1' })
  t.match(await knock(at(1), 1_000), { code: 'ECONNREFUSED' })
})

t.test('a certificate is read, whoever signed it', async t => {
  const server = createServer(selfSigned('a.test')).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => void server.close())
  const place = at((server.address() as { port: number }).port, true)
  const facts = await readCertificate(place, 'a.test')
  t.match(facts, { kind: 'shown', coversName: true, isSelfSigned: true, distrust: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.match(facts, { pin: /^[0-9a-f]{64}$/, names: 'DNS:a.test' })
  t.match(await readCertificate(place, 'b.test'), { kind: 'shown', coversName: false })
  t.match(await readCertificate(await placeOf(t, (_, socket) => void socket.end()), 'a.test'), { kind: 'none' })
})
