/** HTTP/2 bodies of another length than announced (RFC 9113 §8.1.1): no app takes them for whole. */
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { answer } from '../support/raw-origin.ts'
import { endHeaders, endStream, frame, goawayCode, rawH2, request, type } from './listeners/raw-h2.ts'
import { pem } from './listeners/support.ts'
import { originFor } from './support.ts'

const { cert, key } = pem('localhost')
const PROTOCOL_ERROR = 1

async function start(t: Test) {
  const whole: string[] = []
  const origin = await originFor(t, ({ target, complete }, socket) => {
    const done = (body: Buffer) => {
      if (target === '/u') whole.push(body.toString())
      setTimeout(() => socket.write(answer(200, {}, 'ok')), 100)
    }
    complete.then(done, () => {})
  })
  const { port } = await startGateway(
    t,
    `
listen: { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes: [{ name: files, upstream: "${origin.url}", cache: false }]
`,
  )
  const client = await rawH2(t, port)
  const neighbour = () => client.socket.write(frame(type.headers, endHeaders | endStream, 1, request('/slow')))
  const upload = (length: string) =>
    client.socket.write(frame(type.headers, endHeaders, 3, request('/u', [['content-length', length]], 'POST')))
  const data = (text: string, flags: number) => client.socket.write(frame(type.data, flags, 3, Buffer.from(text)))
  return { client, whole, neighbour, upload, data }
}

t.test('less than announced ends the stream, and others go on', async t => {
  const { client, whole, neighbour, upload, data } = await start(t)
  neighbour()
  upload('5')
  data('abc', endStream)
  await client.until(frames =>
    frames.some(({ kind, stream, flags }) => kind === type.data && stream === 1 && flags & 1),
  )
  const reset = client.frames.find(({ kind }) => kind === type.rst)
  t.strictSame([reset?.stream, reset?.payload.readUInt32BE(0)], [3, PROTOCOL_ERROR])
  t.equal(goawayCode(client.frames), null)
  t.strictSame(whole, [])
})

t.test('more than announced ends the session, as Node has it, and the app gets no more than announced', async t => {
  for (const parts of [['abcdefghij'], ['abcde', 'fghij']]) {
    const { client, whole, upload, data } = await start(t)
    upload('5')
    parts.forEach((text, i) => {
      data(text, i === parts.length - 1 ? endStream : 0)
    })
    await client.closed
    t.not(goawayCode(client.frames), null)
    t.ok(whole.every(body => body === 'abcde'))
  }
})
