import t from 'tap'
import { decideFraming, measureBody } from '../../../plugins/websocket/answer-body.ts'
import { AnswerHeadReader, parseAnswerHead } from '../../../plugins/websocket/answer-head.ts'
import { refusalHeaders, switchingHeaders } from '../../../plugins/websocket/answer-rules.ts'
import { isWebSocketUpgrade } from '../../../plugins/websocket/index.ts'
import { addVia, upgradeHeaders } from '../../../plugins/websocket/request-rules.ts'
import { decideUpgrade } from '../../../plugins/websocket/upgrade-rules.ts'

const upgrade = { connection: 'keep-alive, Upgrade', upgrade: 'WebSocket' }

t.test('only a bodyless HTTP/1.1 GET for websocket becomes a tunnel', async t => {
  const cases: [string, object, string | null][] = [
    ['plain', {}, null],
    ['Content-Length: 0 is no body', { headers: { ...upgrade, 'content-length': '0' } }, null],
    ['POST', { method: 'POST' }, 'method'],
    ['HTTP/1.0', { httpVersion: '1.0' }, 'HTTP version'],
    ['h2c', { headers: { ...upgrade, upgrade: 'h2c' } }, 'not websocket'],
    ['a list of protocols', { headers: { ...upgrade, upgrade: 'websocket, h2c' } }, 'not websocket'],
    ['no Upgrade', { headers: { connection: 'upgrade' } }, 'not websocket'],
    ['Connection does not say so', { headers: { ...upgrade, connection: 'x-upgrade' } }, 'Connection without Upgrade'],
    ['no Connection', { headers: { upgrade: 'websocket' } }, 'Connection without Upgrade'],
    ['a length', { headers: { ...upgrade, 'content-length': '5' } }, 'body'],
    ['an odd length', { headers: { ...upgrade, 'content-length': '00' } }, 'body'],
    ['chunked', { headers: { ...upgrade, 'transfer-encoding': 'chunked' } }, 'body'],
  ]
  for (const [name, change, reason] of cases) {
    const request = { method: 'GET', httpVersion: '1.1', headers: upgrade, ...change }
    t.strictSame(decideUpgrade(request), reason === null ? { upgrade: true } : { upgrade: false, reason }, name)
    t.equal(isWebSocketUpgrade(request), reason === null, name)
  }
})

t.test('an answer head is parsed strictly', async t => {
  const good = parseAnswerHead('HTTP/1.1 200 Very  good\r\nA:b\r\nSet-Cookie: \t x \xe9 \r\nset-cookie:\r\n\r\n')
  t.strictSame(good.head, {
    minor: 1,
    status: 200,
    reason: 'Very  good',
    headers: ['A', 'b', 'Set-Cookie', 'x \xe9', 'set-cookie', ''],
  })
  t.match(parseAnswerHead('HTTP/1.0 101\r\n\r\n').head, { minor: 0, status: 101, reason: '' })
  const bad = [
    ['HTTP/2.0 200 OK\r\n\r\n', 'status line'],
    ['http/1.1 200 OK\r\n\r\n', 'status line'],
    ['HTTP/1.1 20x OK\r\n\r\n', 'status line'],
    ['HTTP/1.1 099 OK\r\n\r\n', 'status line'],
    ['HTTP/1.1 2000\r\n\r\n', 'status line'],
    ['\r\n\r\n', 'status line'],
    ['HTTP/1.1 200 O\x00K\r\n\r\n', 'reason phrase'],
    ['HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'header name'],
    ['HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n', 'header name'],
    ['HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'header name'],
    ['HTTP/1.1 200 OK\r\n: b\r\n\r\n', 'header name'],
    ['HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n', 'header value'],
    ['HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n', 'header value'],
  ]
  for (const [text, reason] of bad) t.strictSame(parseAnswerHead(text!), { head: null, reason }, JSON.stringify(text))
})

t.test('a head that is split at any byte is the same head, and what follows is kept', async t => {
  const bytes = Buffer.from('HTTP/1.1 101 S\r\nA: b\r\n\r\nrest')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new AnswerHeadReader(64)
    let rest = ''
    let status = 0
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (status !== 0) {
        rest += part.toString()
        continue
      }
      const progress = reader.feed(part)
      if (progress.state !== 'head') continue
      status = progress.head.status
      rest = progress.rest.toString()
    }
    t.strictSame([status, rest], [101, 'rest'], `cut at ${cut}`)
  }
})

t.test('a head is bounded and its lines end in CRLF', async t => {
  const exact = Buffer.from('HTTP/1.1 101 S\r\n\r\n')
  t.equal(new AnswerHeadReader(exact.length).feed(Buffer.concat([exact, exact])).state, 'head')
  t.equal(new AnswerHeadReader(exact.length - 1).feed(exact).state, 'too-large')
  const reader = new AnswerHeadReader(4096)
  for (let i = 0; i < 4; i++) t.equal(reader.feed(Buffer.alloc(1024, 'x')).state, 'more')
  t.equal(reader.feed(Buffer.from('x')).state, 'too-large')
  for (const text of ['HTTP/1.1 101 S\n', '\n', 'HTTP/1.1 101 S\r\nA: b\n'])
    t.equal(new AnswerHeadReader(4096).feed(Buffer.from(text)).state, 'invalid', JSON.stringify(text))
})

t.test('the framing of a refusal is decided as RFC 9112 6.3 says', async t => {
  const cases: [string[], number, 0 | 1, object][] = [
    [[], 403, 1, { kind: 'close' }],
    [['Content-Length', '5'], 403, 1, { kind: 'length', length: 5 }],
    [['Content-Length', '5, 5', 'content-length', '5'], 403, 1, { kind: 'length', length: 5 }],
    [['Content-Length', '0'], 403, 1, { kind: 'none' }],
    [['Content-Length', '5', 'Content-Length', '6'], 403, 1, { kind: 'invalid', reason: 'Content-Length' }],
    [['Content-Length', '+5'], 403, 1, { kind: 'invalid', reason: 'Content-Length' }],
    [['Content-Length', ''], 403, 1, { kind: 'invalid', reason: 'Content-Length' }],
    [['Content-Length', '99999999999999999999'], 403, 1, { kind: 'invalid', reason: 'Content-Length' }],
    [['Transfer-Encoding', 'Chunked'], 403, 1, { kind: 'chunked' }],
    [['Transfer-Encoding', 'gzip, chunked'], 403, 1, { kind: 'invalid', reason: 'unknown transfer coding' }],
    [['Transfer-Encoding', 'chunked'], 403, 0, { kind: 'invalid', reason: 'Transfer-Encoding in HTTP/1.0' }],
    [['Content-Length', '5'], 204, 1, { kind: 'none' }],
    [['Content-Length', '5'], 304, 1, { kind: 'none' }],
  ]
  for (const [headers, status, minor, expected] of cases)
    t.strictSame(decideFraming({ headers, status, minor, reason: '' }), expected, `${status} ${headers}`)
  const both = ['Transfer-Encoding', 'chunked', 'Content-Length', '5']
  t.match(decideFraming({ headers: both, status: 403, minor: 1, reason: '' }), { kind: 'invalid' })
})

t.test('the end of a chunked body is found whatever the pieces, and nothing behind it is taken', async t => {
  const body = 'A;ext=1\r\n0123456789\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n'
  for (let size = 1; size <= body.length; size++) {
    const measure = measureBody({ kind: 'chunked' })
    const bytes = Buffer.from(`${body}HTTP/1.1 200 surplus`)
    let taken = 0
    for (let at = 0; at < bytes.length; at += size) taken += measure.take(bytes.subarray(at, at + size))
    t.strictSame([measure.state, taken], ['end', body.length], `pieces of ${size}`)
  }
})

t.test('a chunked body that two readers could take differently is invalid', async t => {
  const bad = [
    'g\r\n',
    '\r\n',
    ' 5\r\n',
    '5 \r\n',
    '5\n',
    '5\rx',
    '3\r\nabcd\r\n',
    '3\r\nabc\n',
    '+1\r\n',
    '0x1\r\n',
    ';a\r\n',
  ]
  for (const text of [...bad, '12345678901234\r\n', `1;${'x'.repeat(5000)}`, `0\r\n${'a: b\r\n'.repeat(5000)}`]) {
    const measure = measureBody({ kind: 'chunked' })
    measure.take(Buffer.from(text))
    t.equal(measure.state, 'invalid', JSON.stringify(text.slice(0, 30)))
  }
})

t.test('a 101 keeps every line but those of the transport', async t => {
  const headers = ['Upgrade', 'websocket', 'connection', 'Upgrade, X-Hop', 'Keep-Alive', 'timeout=5', 'X-Hop', '1']
  const own = ['Sec-WebSocket-Protocol', 'b', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Length', '0']
  t.strictSame(switchingHeaders([...headers, ...own]), [
    ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Protocol', 'b'],
    ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
  ])
})

t.test('a refusal keeps its framing and closes', async t => {
  const headers = ['Connection', 'Upgrade, content-length', 'Upgrade', 'websocket', 'Content-Length', '5']
  t.strictSame(refusalHeaders(403, headers), ['Content-Length', '5', 'Connection', 'close'])
  t.strictSame(refusalHeaders(426, headers).slice(0, 2), ['Upgrade', 'websocket'])
})

t.test('G1 T12: what a client says about itself is replaced on an upgrade, all else goes up as sent', async t => {
  const sent = [
    ...['Host', 'wiki.test:8080', 'Connection', 'Upgrade, X-Hop, Authorization', 'Upgrade', 'websocket', 'X-Hop', '1'],
    ...['X-Forwarded-For', '6.6.6.6', 'x_forwarded_for', '6.6.6.6', 'Forwarded', 'for=6.6.6.6', 'Remote-User', 'root'],
    ...['Remote_Groups', 'admins', 'X-Authentik-Username', 'root', 'True-Client-IP', '6.6.6.6', 'X-Original-URL', '/x'],
    ...['Origin', 'https://a', 'Authorization', 'Basic x', 'cookie', 'a=1', 'Sec-WebSocket-Protocol', 'a, b'],
  ]
  t.strictSame(upgradeHeaders(sent, { address: '::ffff:10.0.0.7', encrypted: true }), [
    ...['Host', 'wiki.test:8080', 'Origin', 'https://a', 'Authorization', 'Basic x', 'cookie', 'a=1'],
    ...['Sec-WebSocket-Protocol', 'a, b', 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
    ...['X-Forwarded-For', '10.0.0.7', 'X-Real-IP', '10.0.0.7', 'X-Forwarded-Proto', 'https'],
    ...['X-Forwarded-Host', 'wiki.test:8080', 'X-Forwarded-Port', '8080'],
    ...['Forwarded', 'for=10.0.0.7;host="wiki.test:8080";proto=https', 'Via', '1.1 hearthgate'],
  ])
  const six = upgradeHeaders(['Host', '[::1]'], { address: '2001:db8::1', encrypted: false })
  t.match(six.join('\n'), 'X-Forwarded-Port\n80\n')
  t.match(six.join('\n'), 'for="[2001:db8::1]";host="[::1]";proto=http')
  t.strictSame(addVia(['Via', '1.1 hearthgate']), ['Via', '1.1 hearthgate'])
})
