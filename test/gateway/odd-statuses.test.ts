/** Statuses that HTTP/1.1 lets through and HTTP/2 of Node does not send: clients of both get an answer, by either way out. */
import { type ClientHttp2Session, connect } from 'node:http2'
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { bothDoors, get, originFor } from './support.ts'

interface Got {
  readonly status: number
  readonly length: unknown
  readonly body: string
}

function over2(session: ClientHttp2Session, path: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path })
    let body = ''
    let got = { status: 0, length: undefined as unknown }
    stream.on('response', head => {
      got = { status: Number(head[':status']), length: head['content-length'] }
    })
    stream.setEncoding('latin1').on('data', chunk => {
      body += chunk
    })
    stream.on('error', reject).on('close', () => resolve({ ...got, body }))
  })
}

async function over1(port: number, path: string): Promise<Got> {
  const { status, headers, body } = await exchange(port, get(path))
  return { status, length: headers['content-length'], body: body.toString() }
}

/** A text of this length goes through the framework to be compressed where it may be. */
const text = 'text '.repeat(1_000)

t.test('odd statuses', async t => {
  const origin = await originFor(t, ({ target }, socket) => {
    const status = target.slice(1, 4)
    const body = target.endsWith('long') ? text : 'ok'
    const framed = target.includes('chunked')
      ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : `Content-Length: ${body.length}\r\n\r\n${body}`
    socket.write(`HTTP/1.1 ${status} Odd\r\nContent-Type: text/plain\r\n${framed}`)
  })
  const { ports } = await startGateway(
    t,
    `${bothDoors}\nroutes: [{ name: app, match: { path: / }, upstream: "${origin.url}" }]\n`,
  )
  const session = connect(`https://localhost:${ports[0]}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const plain = ports[1] as number
  for (const way of ['', '-chunked', '-long', '-chunked-long']) {
    const body = way.endsWith('long') ? text : 'ok'
    for (const status of [299, 599, 600, 999]) {
      t.match(await over1(plain, `/${status}${way}`), { status, body }, `${status}${way} over HTTP/1.1`)
      const told = status > 599 ? 500 : status
      t.match(await over2(session, `/${status}${way}`), { status: told, body }, `${status}${way} over HTTP/2`)
    }
    const reset = { status: 205, length: '0', body: '' }
    t.same(await over1(plain, `/205${way}`), reset, `205${way} over HTTP/1.1`)
    t.same(await over2(session, `/205${way}`), reset, `205${way} over HTTP/2`)
  }
})
