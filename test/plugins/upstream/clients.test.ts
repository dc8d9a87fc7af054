/** The same table of exchanges for both who speak HTTP/1.1 to origins: our own connection, and undici's. */
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { answer, type Script } from '../../support/raw-origin.ts'
import { begin, type Outgoing, originOf, send, startApp, startOrigin, until } from './support.ts'

const ignore = () => {}
const text =
  (bytes: string): Script =>
  (request, socket) => {
    request.complete.then(() => socket.write(Buffer.from(bytes, 'latin1')), ignore)
  }
const thenEnd =
  (bytes: string, end: 'end' | 'resetAndDestroy'): Script =>
  (request, socket) => {
    request.complete.then(() => socket.write(Buffer.from(bytes, 'latin1'), () => socket[end]()), ignore)
  }
const chunks = (...parts: string[]) => Readable.from(parts.map(part => Buffer.from(part)))

interface Case {
  readonly name: string
  readonly origin: Script
  readonly sent?: () => Outgoing
  readonly wanted:
    | { status?: number; body?: string; headers?: string[]; trailers?: string[] }
    | { code: string | RegExp; statusCode?: number }
  /** Head line or body that the origin must have seen. */
  readonly seen?: { line?: string; lines?: string[]; noLine?: string; body?: string }
  /** Whether the connection may carry another request. */
  readonly isKept?: boolean
}

const ok = answer(200, {}, 'ok')
const okText = ok.toString('latin1')

const cases: Case[] = [
  {
    name: 'GET',
    origin: text(okText),
    wanted: { status: 200, body: 'ok' },
    seen: { line: 'GET / HTTP/1.1' },
    isKept: true,
  },
  {
    name: 'a target byte for byte',
    origin: text(okText),
    sent: () => ({ path: '/a%2Fb//c/%E9?x=[1]|2;3&%zz' }),
    wanted: { status: 200 },
    seen: { line: 'GET /a%2Fb//c/%E9?x=[1]|2;3&%zz HTTP/1.1' },
    isKept: true,
  },
  {
    name: 'fields keep their order, spelling and repetition, both ways',
    origin: text(
      'HTTP/1.1 200 OK\r\nX-B: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\nx-b: 2\r\nX-L: \xe9\r\nContent-Length: 0\r\n\r\n',
    ),
    sent: () => ({ headers: ['X-Two', '2', 'x-one', '1', 'X-Two', '3'] }),
    wanted: {
      headers: ['X-B', '1', 'set-cookie', 'a', 'Set-Cookie', 'b', 'x-b', '2', 'X-L', '\xe9', 'Content-Length', '0'],
    },
    seen: { lines: ['X-Two: 2', 'x-one: 1', 'X-Two: 3'] },
    isKept: true,
  },
  {
    name: 'a body of bytes',
    origin: text(okText),
    sent: () => ({ method: 'PUT', body: Buffer.from('hello') }),
    wanted: { status: 200 },
    seen: { body: 'hello', noLine: 'transfer-encoding' },
    isKept: true,
  },
  {
    name: 'a stream of known length',
    origin: text(okText),
    sent: () => ({ method: 'POST', body: chunks('hel', 'lo'), bodyLength: 5 }),
    wanted: { status: 200 },
    seen: { body: 'hello', noLine: 'transfer-encoding' },
    isKept: true,
  },
  {
    name: 'a stream of unknown length',
    origin: text(okText),
    sent: () => ({ method: 'POST', body: chunks('hel', 'lo') }),
    wanted: { status: 200 },
    seen: { body: 'hello', noLine: 'content-length' },
    isKept: true,
  },
  {
    name: 'any method',
    origin: text(okText),
    sent: () => ({ method: 'PROPFIND', body: Buffer.from('<x/>') }),
    wanted: { status: 200 },
    seen: { body: '<x/>' },
    isKept: true,
  },
  {
    name: 'HEAD',
    origin: text('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
    sent: () => ({ method: 'HEAD' }),
    wanted: { status: 200, body: '' },
    isKept: false,
  },
  { name: '204', origin: text('HTTP/1.1 204 No Content\r\n\r\n'), wanted: { status: 204, body: '' }, isKept: true },
  {
    name: 'a chunked answer',
    origin: text('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n'),
    wanted: { body: 'hello' },
    isKept: true,
  },
  {
    name: 'trailers',
    origin: text(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
    ),
    wanted: { body: 'ok', trailers: ['X-Sum', '7'] },
    isKept: true,
  },
  {
    name: 'an answer until the end of the connection',
    origin: thenEnd('HTTP/1.1 200 OK\r\n\r\nhello', 'end'),
    wanted: { body: 'hello' },
    isKept: false,
  },
  {
    name: 'HTTP/1.0',
    origin: thenEnd('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'end'),
    wanted: { body: 'ok' },
    isKept: false,
  },
  {
    name: 'a large answer',
    origin: (_request, socket) => void socket.write(answer(200, {}, Buffer.alloc(3_000_000, 'x'))),
    wanted: { body: 'x'.repeat(3_000_000) },
    isKept: true,
  },
  {
    name: 'an interim answer',
    origin: text(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okText}`),
    wanted: { status: 200, body: 'ok' },
    isKept: true,
  },
  {
    name: 'nothing but a reset',
    origin: thenEnd('', 'resetAndDestroy'),
    wanted: { code: 'HG_UPSTREAM_RESET', statusCode: 502 },
  },
  {
    name: 'a cut length',
    origin: thenEnd('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'end'),
    wanted: { code: 'HG_UPSTREAM_INCOMPLETE', statusCode: 502 },
  },
  {
    name: 'a cut chunk',
    origin: thenEnd('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf', 'end'),
    wanted: { code: 'HG_UPSTREAM_INCOMPLETE' },
  },
  {
    name: 'no last chunk',
    origin: thenEnd('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'end'),
    wanted: { code: 'HG_UPSTREAM_INCOMPLETE' },
  },
  {
    name: 'no HTTP at all',
    origin: text('220 mail.test ESMTP\r\n\r\n'),
    wanted: { code: 'HG_UPSTREAM_INVALID', statusCode: 502 },
  },
  {
    name: 'a head above 64 KiB',
    origin: text(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`),
    wanted: { code: 'HG_UPSTREAM_HEAD_TOO_LARGE', statusCode: 502 },
  },
  { name: 'no answer in time', origin: () => {}, wanted: { code: 'HG_UPSTREAM_TIMEOUT', statusCode: 504 } },
  {
    name: 'no answer in time to a body',
    origin: () => {},
    sent: () => ({ method: 'POST', body: Buffer.from('x') }),
    wanted: { code: 'HG_UPSTREAM_TIMEOUT' },
  },
  {
    name: 'a body that stops half-way',
    origin: text('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    wanted: { code: 'HG_UPSTREAM_STALLED', statusCode: 504 },
  },
]

for (const client of ['native', 'undici'] as const) {
  t.test(`exchanges by the client ${client}`, async t => {
    for (const { name, origin: script, sent, wanted, seen, isKept } of cases) {
      const origin = await startOrigin(t, script)
      const group = { origins: [{ url: origin.url }], client, headTimeoutMs: 200, idleTimeoutMs: 200 }
      const app = await startApp(t, group)
      const answered = send(app.upstream, sent?.())
      if ('code' in wanted) await t.rejects(answered, wanted as object as Error, name)
      else {
        const { status, headers, body, trailers } = await answered
        t.match({ status, headers, trailers, body: String(body) }, wanted, name)
        const lines = origin.requests[0]?.lines ?? []
        if (seen?.line !== undefined) t.equal(origin.requests[0]?.line, seen.line, `${name}: line`)
        if (seen?.lines !== undefined)
          t.strictSame(
            lines.filter(line => seen.lines?.includes(line)),
            seen.lines,
            `${name}: head`,
          )
        if (seen?.body !== undefined) t.equal(String(origin.requests[0]?.body), seen.body, `${name}: body`)
        const { noLine } = seen ?? {}
        if (noLine !== undefined)
          t.notOk(
            lines.some(line => line.toLowerCase().startsWith(noLine)),
            `${name}: no ${noLine}`,
          )
        await until(`${name}: ${isKept ? 'kept' : 'closed'}`, () => originOf(app).open === (isKept ? 1 : 0))
      }
      t.equal(originOf(app).inFlight, 0, `${name}: nothing is left`)
      await Promise.all([app.close(), origin.close()])
    }
  })

  t.test(`a 304 with a length is no fault (${client})`, async t => {
    const origin = await startOrigin(t, text('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n'))
    const app = await startApp(t, { origins: [{ url: origin.url }], client })
    t.equal((await send(app.upstream)).status, 304)
    t.equal((await send(app.upstream)).status, 304)
  })

  t.test(`T17: the clock of the answer starts when the upload is done (${client})`, async t => {
    const origin = await startOrigin(t, text(okText))
    const app = await startApp(t, { origins: [{ url: origin.url }], client, headTimeoutMs: 300 })
    const body = new PassThrough()
    const answered = send(app.upstream, { method: 'POST', body })
    const drip = setInterval(() => body.write('x'), 100)
    await until('ten drips', () => (origin.requests[0]?.body.length ?? 0) >= 10)
    clearInterval(drip)
    body.end()
    t.equal((await answered).status, 200)
  })

  t.test(`an upload that breaks off never looks whole (${client})`, async t => {
    const origin = await startOrigin(t, text(okText))
    const app = await startApp(t, { origins: [{ url: origin.url }], client })
    for (const bodyLength of [9, null]) {
      const body = new PassThrough()
      const sent = begin(app.upstream, { method: 'POST', body, bodyLength })
      body.write('half')
      const number = bodyLength === null ? 1 : 0
      await until('the head', () => origin.requests.length === number + 1)
      body.destroy(new Error('the client left'))
      await t.rejects(sent.answer)
      await t.rejects(origin.requests[number]?.complete as Promise<unknown>)
    }
    t.equal(origin.requests.length, 2)
  })

  t.test(`back-pressure reaches the origin (${client})`, async t => {
    const origin = await startOrigin(
      t,
      (_request, socket) => void socket.write(answer(200, {}, Buffer.alloc(32_000_000))),
    )
    const app = await startApp(t, { origins: [{ url: origin.url }], client, idleTimeoutMs: 300 })
    let received = 0
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const controller = app.upstream.group('app').dispatch(
      { method: 'GET', path: '/', headers: ['Host', 'app.test'], body: null, bodyLength: null },
      {
        onResponseData: (control, chunk) => {
          received += chunk.length
          if (received === chunk.length) control.pause()
        },
        onResponseEnd: () => resolve(),
        onResponseError: (_control, error) => reject(error),
      },
    )
    await until('the first bytes', () => received > 0)
    // Longer than the idle limit: a reader that is slow is not an origin that is silent.
    await new Promise(wake => setTimeout(wake, 700))
    t.ok(received < 1_000_000, `${received} bytes came through`)
    controller.resume()
    await promise
    t.equal(received, 32_000_000)
  })
}
