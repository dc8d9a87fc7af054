/** What was asked before a fault on the same connection is answered first, in its order (RFC 9112 §9.3.2). */
import { type AddressInfo, connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { isWholeAnswer, type OpenOptions, open, rawClient, secure } from './support.ts'

const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`
const post = (path: string, lines: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`
const handshake = 'Connection: upgrade\r\nUpgrade: websocket\r\n'

/** Answers after a while, as an origin does. */
const slow: OpenOptions = {
  handlers: {
    isUpgrade: () => true,
    request(req, res) {
      req.resume()
      setTimeout(() => res.end(`${req.method} ${req.url}`), 30)
    },
  },
}

const cases: [name: string, bytes: string, statuses: string, handled: string[]][] = [
  ['junk', `${post('/1', '', 'hello')}junk\r\n\r\n`, '200 400', ['/1']],
  ['junk behind the last request', `${post('/1', 'Connection: close\r\n', 'hello')}junk`, '200', ['/1']],
  ['a request behind the last one', get('/1', 'Connection: close\r\n') + get('/2'), '200', ['/1']],
  ['a malformed head', get('/1') + get('/2', 'X : 1\r\n'), '200 400', ['/1']],
  ['a malformed head behind two', get('/1') + get('/2') + get('/3', 'X : 1\r\n'), '200 200 400', ['/1', '/2']],
  ['a head that is too large', get('/1') + get('/2', `X: ${'x'.repeat(40_000)}\r\n`), '200 431', ['/1']],
  [
    'a malformed body',
    `${get('/1')}POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX`,
    '200 400',
    ['/1'],
  ],
  [
    'a trailer that says close',
    'POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n',
    '200 400',
    ['/1'],
  ],
]

for (const [name, bytes, statuses, handled] of cases)
  t.test(`${name}: the answers come first`, async t => {
    const { port, seen } = await open(t, slow)
    const client = await rawClient(t, port)
    client.socket.write(bytes, 'latin1')
    const { text } = await client.closed
    t.equal([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status).join(' '), statuses)
    t.same(
      seen.map(({ url }) => url),
      handled,
    )
  })

t.test('what follows a fault is read within a bound while an answer is under way', async t => {
  const { port, listeners } = await open(t, { handlers: { request: () => {} } })
  const client = await rawClient(t, port)
  client.socket.write(`${get('/1')}junk\r\n\r\n${'x'.repeat(1_000_000)}`)
  await client.closed
  t.equal(listeners.connections, 0)
})

t.test('a CONNECT that is sent ahead gives nobody its answer for theirs', async t => {
  const { port } = await open(t, slow)
  const client = await rawClient(t, port)
  client.socket.write(`${get('/1')}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.equal((await client.closed).text, '')
})

t.test('a handshake that is sent ahead is a request like others', async t => {
  const { port } = await open(t, slow)
  const client = await rawClient(t, port)
  client.socket.write(get('/1') + get('/2', handshake))
  const text = await client.until(got => got.includes('GET /2'))
  t.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2)
})

// Subversion asks for all files of a folder this way.
t.test(
  'requests in TLS records that arrive together, ahead of answers that fill the connection, are no fault',
  async t => {
    const { port, errors } = await open(t, {
      listen: [secure],
      handlers: { request: (_req, res) => void res.end('x'.repeat(300_000)) },
    })
    const relay = await openRelay(t, port)
    const client = await rawClient(t, relay.port, true)
    client.socket.write(get('/1'))
    await client.until(isWholeAnswer)
    relay.hold()
    for (let i = 2; i < 40; i++) {
      client.socket.write(get(`/${i}`))
      // In one turn they would share a record.
      await new Promise(resolve => setImmediate(resolve))
    }
    client.socket.write(get('/40', 'Connection: close\r\n'))
    await new Promise(resolve => setTimeout(resolve, 50))
    relay.release()
    const { text } = await client.closed
    t.equal(text.match(/HTTP\/1\.1 200/g)?.length, 40)
    t.same(errors, [])
  },
)

/** Between a client and a port: what is held on its way there goes out in one piece. */
async function openRelay(t: Test, port: number) {
  let held: Buffer[] | null = null
  const there = connect({ port, host: '127.0.0.1' })
  const server = createServer(here => {
    there.pipe(here)
    here.on('data', bytes => void (held === null ? there.write(bytes) : held.push(bytes)))
    here.on('error', () => there.destroy())
  })
  t.teardown(() => void there.destroy())
  t.teardown(() => void server.close())
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    hold: () => {
      held = []
    },
    release: () => {
      there.write(Buffer.concat(held ?? []))
      held = null
    },
  }
}
