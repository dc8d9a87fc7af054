/** Answers that leave in one piece: the same bytes as Node's, in line with other answers, and no byte of another one. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, get as ask, createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { LearnedHeads, RepeatedHead, type WholeHead } from '../../../plugins/proxy/whole-head.ts'
import { WholeResponse } from '../../../plugins/proxy/whole-response.ts'
import { pem } from '../../gateway/listeners/support.ts'
import { RawClient } from '../../support/raw-client.ts'

type Handler = (request: IncomingMessage, response: WholeResponse) => void

class KeptResponse extends WholeResponse {
  override get keepAliveMs(): number {
    return 65_000
  }
}

async function serve(t: Test, handler: Handler): Promise<number> {
  const server = createServer({
    ServerResponse: KeptResponse as unknown as typeof ServerResponse,
    optimizeEmptyRequests: true,
  })
  server.keepAliveTimeout = 0
  server.on('request', (request, response) => handler(request, response as unknown as WholeResponse))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function dial(t: Test, port: number, asked: string): RawClient {
  const client = new RawClient(port).send(asked)
  t.teardown(() => client.close())
  return client
}

const DATE = 'Mon, 30 Nov 2026 10:00:00 GMT'

/** Made for itself alone; the first test compares it with Node's. */
const wholeHead = (head: WholeHead) => new RepeatedHead(head, []).textOf(head)

function sendWhole(response: WholeResponse, status: number, fields: readonly string[], body: readonly Buffer[]): void {
  const head = wholeHead({ status, reason: '', fields, keepAliveMs: response.keepAliveMs })
  if (head === null) throw new Error('Node has to make this head')
  const length = body.reduce((sum, piece) => sum + piece.length, 0)
  response.endWhole(status, head, body, length)
}

t.test('a whole answer has the bytes that Node would write', async t => {
  const cases: [status: number, method: string, fields: string[], body: string][] = [
    [200, 'GET', ['Date', DATE, 'Content-Type', 'text/plain', 'Content-Length', '5'], 'hello'],
    [404, 'GET', ['content-length', '2', 'DATE', DATE, 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'], 'no'],
    [200, 'HEAD', ['Date', DATE, 'Content-Length', '500'], ''],
    [304, 'GET', ['ETag', '"x"', 'Date', DATE], ''],
    [204, 'GET', ['Date', DATE], ''],
    [299, 'GET', ['Date', DATE, 'X-Odd', 'caf\xe9\t!', 'Content-Length', '0'], ''],
  ]
  for (const [status, method, fields, body] of cases) {
    const port = await serve(t, (request, response) => {
      t.equal(response.takesWhole, true)
      if (request.url === '/whole') return sendWhole(response, status, fields, body === '' ? [] : [Buffer.from(body)])
      response.writeHead(status, fields)
      response.end(body === '' ? undefined : body)
    })
    const texts: string[] = []
    for (const path of ['/node', '/whole']) {
      const client = dial(t, port, `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      texts.push(await client.until(text => text.includes('\r\n\r\n') && text.endsWith(body)))
    }
    t.equal(texts[1], texts[0], `${method} ${status}`)
    t.match(texts[1], /\r\nKeep-Alive: timeout=65\r\nConnection: keep-alive\r\n/)
  }
})

t.test('Node makes the heads that frame anew, have no date, or hold what is none of a field', async t => {
  const heads: string[][] = [
    ['Connection', 'close'],
    ['keep-alive', 'timeout=1'],
    ['TRAILER', 'x'],
    ['Transfer-Encoding', 'chunked'],
    ['X', 'a\r\nSet-Cookie: b'],
    ['X', 'a\nb'],
    ['X', 'a\x00b'],
    ['X', 'Ā'],
    ['X Y', 'a'],
    ['', 'a'],
  ]
  for (const fields of heads) {
    const head = { status: 200, reason: '', fields: ['Date', DATE, ...fields], keepAliveMs: 0 }
    t.equal(wholeHead(head), null)
    const aged = { ...head, fields: [...head.fields, 'Age', '1'] }
    t.equal(new RepeatedHead(aged, [5]).textOf(aged), null)
  }
  t.equal(wholeHead({ status: 200, reason: '', fields: ['X', 'a'], keepAliveMs: 0 }), null)
  t.equal(wholeHead({ status: 200, reason: 'O\nK', fields: ['Date', DATE], keepAliveMs: 0 }), null)
})

t.test('a repeated head is the whole one, with other values at its places only', async t => {
  const fields = ['Date', DATE, 'Age', '?', 'X', 'y', 'Cache-Status', '?', 'Via', '1.1 hearthgate', 'X-Request-Id', '?']
  const head = { status: 200, reason: 'OK', fields, keepAliveMs: 5_000 }
  const repeated = new RepeatedHead(head, [3, 7, 11])
  const withField = (at: number, value: string) => ({
    ...head,
    fields: [...fields.slice(0, at), value, ...fields.slice(at + 1)],
  })
  for (const asked of [head, withField(3, '77'), withField(7, 'hearthgate; hit'), withField(11, 'abc')]) {
    t.equal(repeated.textOf(asked), wholeHead(asked))
    t.not(wholeHead(asked), null)
  }
  t.equal(repeated.textOf({ ...head, keepAliveMs: 0 }), wholeHead({ ...head, keepAliveMs: 0 }))
  t.equal(repeated.textOf({ ...head, status: 203 }), null, 'another status')
  t.equal(repeated.textOf({ ...head, reason: 'Fine' }), null, 'another reason')
  t.equal(repeated.textOf(withField(5, 'z')), null, 'another field has changed')
  t.equal(repeated.textOf(withField(4, 'Z')), null, 'another name has changed')
  t.equal(repeated.textOf({ ...head, fields: [...fields, 'A', 'b'] }), null, 'a field more')
  t.equal(repeated.textOf({ ...head, fields: fields.slice(0, -2) }), null, 'a field less')
  t.equal(repeated.textOf(withField(3, '1\r\nX: y')), null, 'a value that is none')
  fields[5] = 'changed later'
  t.equal(
    repeated.textOf(withField(5, 'y')),
    wholeHead(withField(5, 'y')),
    'the array that it was made of is not its own',
  )
  const [first, other] = ['x', 'y'].map(date => ({ ...head, fields: ['Date', date, 'A', 'b'] })) as [
    typeof head,
    typeof head,
  ]
  t.equal(new RepeatedHead(first, [1]).textOf(other), wholeHead(other))
  t.equal(new RepeatedHead(first, []).textOf(first), wholeHead(first))
})

t.test('learned heads are whole ones, in any order', async t => {
  const field = fc.constantFrom<[string, string]>(
    ['X', 'y'],
    ['X', 'z'],
    ['Age', '1'],
    ['Age', '2'],
    ['V', 'a\nb'],
    ['Via', '1.1 a'],
    ['Connection', 'close'],
    ['Connection', 'x'],
    ['Trailer', 'a'],
    ['Trailer', 'b'],
    ['B d', '1'],
    ['B d', '2'],
  )
  const head = fc.record({
    status: fc.constantFrom(200, 404),
    reason: fc.constantFrom('', 'Fine'),
    fields: fc.array(field, { maxLength: 5 }).map(fields => ['Date', DATE, ...fields.flat(), 'X-Request-Id', '?']),
    keepAliveMs: fc.constantFrom(0, 5_000),
  })
  fc.assert(
    fc.property(fc.array(head, { minLength: 1, maxLength: 30 }), heads => {
      const learned = new LearnedHeads()
      for (const [i, { fields, ...rest }] of heads.entries()) {
        const asked = { ...rest, fields: [...fields.slice(0, -1), `id-${i}`] }
        t.equal(learned.textOf(asked), wholeHead(asked))
      }
    }),
  )
})

t.test('answers to requests sent ahead come in their order, each whole, each closed once', async t => {
  const finished: string[] = []
  const closed: string[] = []
  const port = await serve(t, (request, response) => {
    const url = request.url as string
    response.on('finish', () => finished.push(url))
    response.on('close', () => closed.push(url))
    const answer = () => {
      const body = Buffer.from(`answer to ${url};`)
      const fields = ['Date', DATE, 'Content-Length', String(body.length)]
      if (!response.takesWhole) {
        response.writeHead(200, fields)
        return void response.end(body)
      }
      sendWhole(response, 200, fields, [body])
      t.ok(response.headersSent && response.writableEnded)
    }
    if (url === '/1') setTimeout(answer, 50)
    else answer()
  })
  const requests = [1, 2, 3, 4].map(i => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const client = dial(t, port, requests.join(''))
  const text = await client.until(text => text.includes('/4;'))
  t.same(text.match(/answer to \/\d/g), ['answer to /1', 'answer to /2', 'answer to /3', 'answer to /4'])
  client.send('GET /5 HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match((await client.until(text => text.includes('/5;'))).slice(text.length), /^HTTP\/1\.1 200 OK\r\n/)
  await wait(20)
  t.same(finished, ['/1', '/2', '/3', '/4', '/5'])
  t.same(closed, finished)
})

t.test('Node frames what ends its connection', async t => {
  const port = await serve(t, (_request, response) => {
    t.equal(response.takesWhole, false)
    response.end('x')
  })
  for (const head of ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'GET / HTTP/1.0\r\n\r\n']) {
    const client = dial(t, port, head)
    await client.whenClosed()
    const text = client.received.toString('latin1')
    t.match(text, /\r\nConnection: close\r\n/)
    t.notMatch(text, /keep-alive/i)
  }
})

t.test('answers that the client does not read yet are not written over by others', async t => {
  const big = 30_000
  const port = await serve(t, (request, response) => {
    const body = Buffer.alloc(big, request.url?.slice(1) as string)
    const fields = ['Date', DATE, 'Content-Length', String(big)]
    const send = () => sendWhole(response, 200, fields, [body.subarray(0, 10), body.subarray(10)])
    // As the gateway does: one is answered when its turn has come.
    if (response.takesWhole) send()
    else response.once('socket', () => setImmediate(send))
  })
  const letters = ['a', 'b', 'c']
  const count = 450
  const clients = letters.map(letter => dial(t, port, `GET /${letter} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count)))
  // Nobody reads until the kernel takes no more of each.
  for (const { socket } of clients) socket.pause()
  await wait(300)
  for (const [i, client] of clients.entries()) {
    client.socket.resume()
    for (let k = 0; k < count; k++) {
      const { body } = await client.answer()
      if (!body.equals(Buffer.alloc(big, letters[i]))) t.fail(`answer ${k} of client ${letters[i]}`)
    }
    t.pass(`client ${letters[i]}`)
  }
})

t.test('over TLS, which takes nothing at once, no answer takes the common buffer away', async t => {
  const { cert, key } = pem('localhost')
  const written: Buffer[] = []
  const server = createTlsServer({
    cert: readFileSync(cert),
    key: readFileSync(key),
    ServerResponse: KeptResponse as unknown as typeof ServerResponse,
  })
  server.on('secureConnection', socket => {
    const write = socket.write as (...given: unknown[]) => boolean
    socket.write = (bytes: unknown, ...rest: unknown[]) => {
      written.push(bytes as Buffer)
      return write.call(socket, bytes, ...rest)
    }
  })
  server.on('request', ({ url }, response) => {
    const body = Buffer.from(`answer to ${url}`)
    const fields = ['Date', DATE, 'Content-Length', String(body.length)]
    sendWhole(response as unknown as WholeResponse, 200, fields, [body.subarray(0, 3), body.subarray(3)])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  t.teardown(() => {
    agent.destroy()
    server.close()
  })
  for (const path of ['/1', '/2', '/3']) {
    const [answer] = await once(ask({ port: (server.address() as AddressInfo).port, path, agent }), 'response')
    t.equal((await answer.setEncoding('utf8').toArray()).join(''), `answer to ${path}`)
  }
  t.equal(written.length, 3)
  t.ok(written.every(bytes => bytes.buffer.byteLength !== 32_768))
})

t.test('a body beyond the common buffer comes whole', async t => {
  const body = Buffer.alloc(3_000_000, 'xyz')
  const port = await serve(t, (_request, response) => {
    sendWhole(
      response,
      200,
      ['Date', DATE, 'Content-Length', String(body.length)],
      [body.subarray(0, 1_000_000), body.subarray(1_000_000)],
    )
  })
  const answer = await dial(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').answer()
  t.ok(answer.body.equals(body))
})

t.test('a head beyond the common buffer that nothing follows is an end all the same', async t => {
  const fields = ['Date', DATE, ...Array.from({ length: 40 }, (_, i) => [`X-${i}`, 'v'.repeat(1_000)]).flat()]
  const heads: [method: string, status: number, ownFields: string[]][] = [
    ['HEAD', 200, ['Content-Length', '9']],
    ['GET', 304, []],
    ['GET', 204, []],
    ['GET', 200, ['Content-Length', '0']],
  ]
  for (const [method, status, ownFields] of heads) {
    const port = await serve(t, (_request, response) => sendWhole(response, status, [...fields, ...ownFields], []))
    const asked = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`
    const client = dial(t, port, asked)
    t.equal((await client.answer(method)).status, status)
    t.equal((await client.send(asked).answer(method)).status, status, `the next one after ${method} ${status}`)
  }
})

t.test('an answer that its client did not wait for has not finished', async t => {
  let seen: { finished: boolean; closed: boolean; response: WholeResponse } | null = null
  const port = await serve(t, (_request, response) => {
    const watched = { finished: false, closed: false, response }
    seen = watched
    response.on('finish', () => {
      watched.finished = true
    })
    response.on('close', () => {
      watched.closed = true
    })
    const body = Buffer.alloc(20_000_000)
    sendWhole(response, 200, ['Date', DATE, 'Content-Length', String(body.length)], [body])
    t.equal(response.writableFinished, false)
  })
  const client = dial(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.until(text => text.startsWith('HTTP/1.1 200'))
  client.close()
  for (let i = 0; i < 200 && seen?.['closed'] !== true; i++) await wait(10)
  t.match(seen, { finished: false, closed: true })
  t.equal((seen as unknown as { response: WholeResponse }).response.writableFinished, false)
})
