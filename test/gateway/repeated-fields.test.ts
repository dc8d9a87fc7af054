/** Fields that an app sends twice, to clients of both protocols: what HTTP/1.1 lets through is no failure over HTTP/2. */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { bothDoors, originFor } from './support.ts'

/** What two lines of it say, as one. */
const twice: Record<string, [first: string, second: string, told: string]> = {
  '/nosniff': ['X-Content-Type-Options: nosniff', 'x-content-type-options: nosniff', 'nosniff'],
  '/type': ['Content-Type: text/html', 'Content-Type: text/plain', 'text/html, text/plain'],
  '/coding': ['Content-Encoding: a', 'Content-Encoding: b', 'a, b'],
  '/etag': ['ETag: "a"', 'ETag: "a"', '"a"'],
  '/age': ['Age: 1', 'Age: 1', '1'],
  '/date': ['Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT', 'Last-Modified: x', 'Sat, 01 Jan 2022 00:00:00 GMT, x'],
  '/retry': ['Retry-After: 1', 'Retry-After: 1', '1'],
  '/credentials': ['Access-Control-Allow-Credentials: true', 'Access-Control-Allow-Credentials: true', 'true'],
  '/location': ['Location: /a', 'Location: /a', '/a'],
  '/cookies': ['Set-Cookie: a=1', 'Set-Cookie: b=2', 'a=1|b=2'],
  '/user-agent': ['User-Agent: a', 'User-Agent: a', 'a'],
}

const text = 'text '.repeat(1_000)

function answerOver(session: ClientHttp2Session, path: string, coding: string) {
  return new Promise<{ head: IncomingHttpHeaders; bytes: number }>((resolve, reject) => {
    const stream = session.request({ ':path': path, 'accept-encoding': coding })
    let head = {}
    let bytes = 0
    stream.on('response', got => {
      head = got
    })
    stream.on('data', chunk => {
      bytes += chunk.length
    })
    stream.on('error', reject).on('end', () => resolve({ head, bytes }))
  })
}

t.test('a field that an app sends twice', { timeout: 200_000 }, async t => {
  const origin = await originFor(t, ({ target }, socket) => {
    const [first, second] = twice[target] as [string, string, string]
    socket.write(`HTTP/1.1 200 OK\r\n${first}\r\n${second}\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
  })
  const { ports } = await startGateway(
    t,
    `${bothDoors}
routes: [{ name: app, upstream: "${origin.url}" }]
`,
  )
  const session = connect(`https://localhost:${ports[0]}`, { rejectUnauthorized: false })
  const client = new RawClient(ports[1] as number)
  t.teardown(() => {
    session.destroy()
    client.close()
  })
  for (const [path, [first, , told]] of Object.entries(twice)) {
    const name = first.slice(0, first.indexOf(':')).toLowerCase()
    for (const coding of ['identity', 'gzip']) {
      const { head, bytes } = await answerOver(session, path, coding)
      t.ok(bytes > 0, `${path}, ${coding}: it comes`)
      if (coding === 'identity') t.equal([head[name]].flat().join('|'), told, `${path} over HTTP/2`)
      const plain = await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`).answer()
      t.ok(plain.status === 200 && plain.isWhole, `${path}, ${coding} over HTTP/1.1`)
    }
  }
})
