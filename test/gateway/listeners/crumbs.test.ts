/** Cookies that a browser has split over fields of HTTP/2 (RFC 9113 §8.2.3): many of them are still one line. */
import { once } from 'node:events'
import { connect } from 'node:http2'
import t from 'tap'
import { endHeaders, endStream, fields, frame, rawH2, request, type } from './raw-h2.ts'
import { open, secure } from './support.ts'

t.test('the cookies of a browser count as one line, up to a bound', async t => {
  const { port, seen } = await open(t, { listen: [secure] })
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const crumbs = (count: number) => Array.from({ length: count }, (_, i) => `c${i}=v`)
  const statusWith = async (cookies: number, others: number) => {
    const lines = Object.fromEntries(Array.from({ length: others }, (_, i) => [`x-${i}`, 'v']))
    const stream = session.request({ ':path': '/', cookie: crumbs(cookies), ...lines })
    const [head] = await once(stream, 'response')
    stream.resume()
    return head[':status']
  }
  t.equal(await statusWith(180, 100), 200, 'all that a browser keeps for a site')
  t.equal(seen.at(-1)?.headers.cookie, crumbs(180).join('; '))
  t.equal(await statusWith(256, 199), 200, 'the bounds')
  t.equal(await statusWith(257, 0), 431, 'one cookie more')
  t.equal(await statusWith(2, 200), 431, 'one line more')
  t.equal(await statusWith(0, 400), 431, 'many lines are told so as well')
})

t.test('a client that acknowledges no settings has no more room than others', async t => {
  const { port, seen } = await open(t, { listen: [secure] })
  const client = await rawH2(t, port)
  const crumb = (length: number): [string, string] => ['cookie', 'x'.repeat(length)]
  const ask = (stream: number, lengths: readonly number[]) => {
    const head = frame(type.headers, endStream, stream, request())
    const more = lengths.map((length, i) =>
      frame(type.continuation, i === lengths.length - 1 ? endHeaders : 0, stream, fields([crumb(length)])),
    )
    client.socket.write(Buffer.concat([head, ...more]))
    return client.until(frames => frames.some(each => each.kind === type.headers && each.stream === stream))
  }
  await ask(1, [15_000, 15_000])
  t.equal(seen.length, 1, 'below 32 KiB')
  await ask(3, [15_000, 15_000, 15_000])
  t.equal(seen.length, 1, 'above 32 KiB')
})
