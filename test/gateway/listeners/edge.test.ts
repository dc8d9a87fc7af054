import t from 'tap'
import { awaitsContinue } from '../../../gateway/listeners/index.ts'
import { eventually, exchange, open, rawClient, statusOf } from './support.ts'

const hidden = 'GET /smug HTTP/1.1\r\nHost: app.test\r\n\r\n'
const head = (lines: string, method = 'POST', version = '1.1') =>
  `${method} /k HTTP/${version}\r\nHost: app.test\r\n${lines}\r\n\r\n`

const refused: [name: string, bytes: string, status: number][] = [
  [
    'Content-Length and Transfer-Encoding',
    `${head('Content-Length: 6\r\nTransfer-Encoding: chunked')}0\r\n\r\n${hidden}`,
    400,
  ],
  [
    'Transfer-Encoding and Content-Length',
    `${head('Transfer-Encoding: chunked\r\nContent-Length: 4')}0\r\n\r\n${hidden}`,
    400,
  ],
  ['a final coding that is not chunked', `${head('Transfer-Encoding: chunked, identity')}0\r\n\r\n${hidden}`, 400],
  ['a coding nobody asked for', `${head('Transfer-Encoding: gzip, chunked')}0\r\n\r\n${hidden}`, 501],
  ['a tab before the colon', `${head('Transfer-Encoding\t: chunked\r\nContent-Length: 4')}0\r\n\r\n${hidden}`, 400],
  ['a bare LF', `${head('X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 4')}0\r\n\r\n${hidden}`, 400],
  ['a bare CR', `${head('X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 50')}0\r\n\r\n${hidden}`, 400],
  ['a quoted coding', `${head('Transfer-Encoding: "chunked"\r\nContent-Length: 4')}0\r\n\r\n${hidden}`, 400],
  ['two codings lines', `${head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')}0\r\n\r\n${hidden}`, 400],
  ['two equal lengths', `${head('Content-Length: 5\r\nContent-Length: 5')}hello`, 400],
  ['a list of lengths', `${head('Content-Length: 5, 5')}hello`, 400],
  ['a length with plus', `${head('Content-Length: +5')}hello`, 400],
  ['a negative length', `${head('Content-Length: -5')}hello`, 400],
  ['a hex length', `${head('Content-Length: 0x5')}hello`, 400],
  ['a length with a space', `${head('Content-Length: 0 5')}hello`, 400],
  ['a length beyond 64 bits', `${head('Content-Length: 18446744073709551621')}hello`, 400],
  ['a length that nobody can count to', `${head('Content-Length: 9007199254740993')}hello`, 413],
  ['an empty length', head('Content-Length: ') + hidden, 400],
  [
    'Transfer-Encoding in HTTP/1.0',
    `${head('Connection: keep-alive\r\nTransfer-Encoding: chunked', 'POST', '1.0')}0\r\n\r\n${hidden}`,
    400,
  ],
  [
    'both framings in HTTP/1.0',
    `${head('Transfer-Encoding: chunked\r\nContent-Length: 4', 'POST', '1.0')}0\r\n\r\n${hidden}`,
    400,
  ],
  ['no Host', 'GET / HTTP/1.1\r\nX: y\r\n\r\n', 400],
  ['two Hosts', head('Host: evil.test', 'GET'), 400],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost: \r\n\r\n', 400],
  ['a Host with a space', 'GET / HTTP/1.1\r\nHost: app.test evil\r\n\r\n', 400],
  ['a Host with a slash', 'GET / HTTP/1.1\r\nHost: app.test/evil\r\n\r\n', 400],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: a@app.test\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : app.test\r\n\r\n', 400],
  ['a Host with a bad port', 'GET / HTTP/1.1\r\nHost: app.test:x80\r\n\r\n', 400],
  ['a line without colon', head('XnoColon', 'GET'), 400],
  ['a name beyond ASCII', head('X-\xc3\xbc: 1', 'GET'), 400],
  ['a NUL', head('X-V: a\0b', 'GET'), 400],
  ['a control byte', head('X-V: a\x01b', 'GET'), 400],
  ['DEL', head('X-V: a\x7fb', 'GET'), 400],
  ['a folded line', head('X-V: a\r\n b', 'GET'), 400],
  ['a control byte in the target', 'GET /a\x01b HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['bytes beyond ASCII in the target', 'GET /\xc3\xbc HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a target without slash', 'GET @127.0.0.1:1/ HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a fragment', 'GET /pub#/../x HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['a foreign scheme', 'GET ftp://app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['user information in the target', 'GET http://a@app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['* with GET', 'GET * HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['an unknown method', 'FOO / HTTP/1.1\r\nHost: app.test\r\n\r\n', 400],
  ['HTTP/2.0 in a request line', 'GET / HTTP/2.0\r\nHost: app.test\r\n\r\n', 505],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  [
    'CONNECT with a body',
    `CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 41\r\n\r\n${hidden}`,
    405,
  ],
  ['an expectation like 100-continue', head('Expect: y 100-continue\r\nContent-Length: 41') + hidden, 417],
  ['another expectation', head('Expect: everything\r\nContent-Length: 41') + hidden, 417],
]

t.test('what is ambiguous or malformed gets one answer, then the connection closes', async t => {
  const { port, seen, errors } = await open(t)
  for (const [name, bytes, status] of refused) {
    const client = await rawClient(t, port)
    client.socket.write(bytes, 'latin1')
    const { text } = await client.closed
    t.equal(statusOf(text), status, name)
    t.equal(text.split('HTTP/1.1 ').length, 2, `${name}: one answer`)
    t.match(text, /connection: close/i, `${name}: says that it closes`)
    t.match(text, /proxy-status: hearthgate; error=http_request_error\r\n/i, `${name}: says who refused it`)
  }
  t.same(seen, [], 'no handler was called')
  t.equal(errors.length, refused.length, 'each was counted once')
})

const badBodies: [name: string, body: string][] = [
  ['size that wraps', `10000000000000005\r\nhello\r\n0\r\n\r\n${hidden}`],
  ['size with sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['size with underscore', '0_5\r\nhello\r\n0\r\n\r\n'],
  ['extension with bare LF', `2;\nxx\r\n43\r\n0\r\n\r\n${hidden}X: \r\n0\r\n\r\n`],
  ['extension with bare CR', `2;a\rxx\r\n43\r\n0\r\n\r\n${hidden}X: \r\n0\r\n\r\n`],
  ['LF for CRLF', '5\nhello\n0\n\n'],
  ['data beyond its size', `5\r\nhelloXX0\r\n\r\n${hidden}`],
  ['framing in trailers', '5\r\nhello\r\n0\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n'],
]

t.test('a faulty chunked body ends its connection and hides no request', async t => {
  const { port, seen } = await open(t)
  for (const [name, body] of badBodies) {
    const client = await rawClient(t, port)
    client.socket.write(head('Transfer-Encoding: chunked') + body, 'latin1')
    const { text } = await client.closed
    t.equal(statusOf(text), 400, name)
    t.equal(text.split('HTTP/1.1 ').length, 2, `${name}: one answer`)
  }
  t.notOk(seen.some(({ url }) => url === '/smug'))
})

t.test('a fault after the answer has begun cuts it instead of adding another', async t => {
  const { port } = await open(t, { handlers: { request: (_req, res) => void res.write('begun') } })
  const client = await rawClient(t, port)
  client.socket.write(`${head('Transfer-Encoding: chunked')}5\r\nhello\r\n`)
  await client.until(text => text.includes('begun'))
  client.socket.write('zz\r\n')
  const { text } = await client.closed
  t.equal(text.split('HTTP/1.1 ').length, 2)
  t.notOk(text.includes('0\r\n\r\n'), 'the last chunk is missing')
})

t.test('names with an underscore are gone from every view of the head', async t => {
  const { port, seen } = await open(t)
  await exchange(t, port, head('X_Forwarded_For: 6.6.6.6\r\nX-A: 1\r\nContent_Length: 5', 'GET'))
  t.same(seen[0]!.raw, ['Host', 'app.test', 'X-A', '1'])
  t.same(seen[0]!.headers, { host: 'app.test', 'x-a': '1' })
})

t.test('odd but legal heads pass', async t => {
  const { port, seen } = await open(t)
  const proto =
    '__proto__: 1\r\n__proto__: 2\r\nconstructor: 1\r\nconstructor: 2\r\nhasOwnProperty: 1\r\nhasOwnProperty: 2'
  const odd = Array.from({ length: 60 }, (_, i) => `X-${i}${'a'.repeat(i === 0 ? 300 : 1)}: `).join('\r\n')
  const heads = [head(proto, 'GET'), head(odd, 'GET'), head('X-V: \xc3\xbc\xff', 'GET')]
  heads.push(
    'GET http://app.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
  )
  heads.push(
    'GET / HTTP/1.0\r\n\r\n',
    `${head('Content-Length: 5')}hello`,
    `${head('Expect: \r\nContent-Length: 5')}hello`,
    'PROPFIND /%E9/100% HTTP/1.1\r\nHost: A.test.\r\n\r\n',
  )
  for (const bytes of heads) t.equal(statusOf(await exchange(t, port, bytes)), 200, bytes.slice(0, 40))
  t.equal(seen[2]!.headers['x-v'], '\xc3\xbc\xff', 'bytes beyond ASCII in a value are kept')
})

t.test('the size of a head', async t => {
  const { port, seen } = await open(t, { limits: { headerLines: 20 } })
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: 1`).join('\r\n')
  t.equal(statusOf(await exchange(t, port, head(lines(19), 'GET'))), 200, 'as many lines as allowed')
  t.equal(statusOf(await exchange(t, port, head(lines(20), 'GET'))), 431, 'one line more')
  t.equal(statusOf(await exchange(t, port, head(`X: ${'a'.repeat(31_000)}`, 'GET'))), 200, 'just below 32 KiB')
  t.equal(statusOf(await exchange(t, port, head(`X: ${'a'.repeat(33_000)}`, 'GET'))), 431, 'above 32 KiB')
  const target = (length: number) => `GET /${'a'.repeat(length - 1)} HTTP/1.1\r\nHost: app.test\r\n\r\n`
  t.equal(statusOf(await exchange(t, port, target(16_384))), 200, 'a target of 16 KiB')
  t.equal(statusOf(await exchange(t, port, target(16_385))), 414, 'a target above 16 KiB')
  t.equal(statusOf(await exchange(t, port, target(40_000))), 414, 'a target above the whole head')
  t.equal(seen.length, 3)
})

t.test('a head without end is cut off early, and its 431 can still be read', async t => {
  const { port, errors } = await open(t)
  const client = await rawClient(t, port)
  const line = `X-Flood: ${'a'.repeat(1_000)}\r\n`.repeat(16)
  client.socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n')
  let sent = 0
  const pump = () => {
    while (!client.socket.destroyed && sent < 8_388_608 && client.socket.write(line)) sent += line.length
  }
  client.socket.on('drain', pump)
  pump()
  const { text } = await client.closed
  t.equal(statusOf(text), 431)
  t.same(errors, ['head-too-large'])
})

t.test('what follows a fault is read for a while, so that the answer is not lost to a reset', async t => {
  const { port } = await open(t)
  const client = await rawClient(t, port)
  client.socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(120_000)}`)
  const { text, reset } = await client.closed
  t.equal(statusOf(text), 431)
  t.equal(reset, false)
})

t.test('pipelined requests reach the handler one after the other', async t => {
  const running = { now: 0, most: 0 }
  const { port } = await open(t, {
    handlers: {
      request(req, res) {
        running.most = Math.max(running.most, ++running.now)
        setImmediate(() => {
          running.now--
          res.end(req.url)
        })
      },
    },
  })
  const client = await rawClient(t, port)
  client.socket.write(['/1', '/2', '/3'].map(path => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  const text = await client.until(got => got.includes('/3'))
  t.equal(running.most, 1)
  t.ok(text.indexOf('/1') < text.indexOf('/2') && text.indexOf('/2') < text.indexOf('/3'))
})

t.test('what is pipelined behind the last answer is never handled', async t => {
  const { port, seen } = await open(t, {
    handlers: { request: (_req, res) => void res.writeHead(200, { connection: 'close' }).end('x') },
  })
  const client = await rawClient(t, port)
  client.socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.closed
  t.same(
    seen.map(({ url }) => url),
    ['/1'],
  )
})

t.test('a long queue of pipelined requests ends its connection', async t => {
  const { port, seen, listeners } = await open(t, { handlers: { request: () => {} } })
  const client = await rawClient(t, port)
  client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100))
  await client.closed
  t.equal(seen.length, 1)
  await eventually(() => listeners.connections === 0)
})

t.test('whoever reads the body of an expecting client says 100', async t => {
  const { port } = await open(t, {
    handlers: {
      request(req, res) {
        if (awaitsContinue(req)) res.writeContinue()
        req.resume().on('end', () => res.end('done'))
      },
    },
  })
  const client = await rawClient(t, port)
  client.socket.write(head('Expect: 100-Continue\r\nContent-Length: 5'))
  t.match(await client.until(text => text.includes('\r\n\r\n')), /^HTTP\/1.1 100 Continue\r\n\r\n$/)
  client.socket.write('hello')
  t.match(await client.until(text => text.includes('done')), /HTTP\/1.1 200 OK/)
})
