/** Failure at every byte of an answer and of a request: nothing is cut unseen, nothing is done twice. */
import t from 'tap'
import { RawClient } from '../../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin, type Script } from '../../support/raw-origin.ts'
import { get, retryApp, withBody } from './support.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

const whole = answer(200, { 'Content-Type': 'text/plain', ETag: '"a"' }, 'twelve bytes')
const chunked = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ntwelve\r\n6\r\n bytes\r\n0\r\n\r\n',
)

/** Cuts the first answer after so many bytes, gives the later ones whole. */
async function cutting(t: Teardown, bytes: Buffer, cut: number): Promise<RawOrigin> {
  let asked = 0
  const origin = await rawOrigin((_request, socket) => {
    if (asked++ === 0) socket.end(bytes.subarray(0, cut))
    else socket.write(bytes)
  })
  t.teardown(() => origin.close())
  return origin
}

/** Null = the connection ended before an answer was whole. */
async function ask(port: number, bytes: string) {
  const client = new RawClient(port).send(bytes)
  try {
    const told = await client.answer()
    return told.isWhole ? { status: told.status, body: told.body.toString() } : null
  } catch {
    return null
  } finally {
    client.close()
  }
}

t.test(
  'a short answer of known length that is cut anywhere is replaced by a whole one',
  { timeout: 200_000 },
  async t => {
    for (let cut = 0; cut < whole.length; cut++) {
      const origin = await cutting(t, whole, cut)
      const { port } = await retryApp(t, [origin.url], { retry: { backoffBaseMs: 1, budgetFloor: 1_000 } })
      t.strictSame(await ask(port, get()), { status: 200, body: 'twelve bytes' }, `cut at ${cut}`)
      t.equal(origin.requests.length, 2)
    }
  },
)

t.test('a chunked answer is replaced before its first byte, and visibly cut after', { timeout: 200_000 }, async t => {
  let visible = 0
  for (let cut = 0; cut < chunked.length; cut++) {
    const origin = await cutting(t, chunked, cut)
    const { port } = await retryApp(t, [origin.url], { retry: { backoffBaseMs: 1, budgetFloor: 1_000 } })
    const told = await ask(port, get())
    if (told === null) {
      visible++
      t.ok(chunked.subarray(0, cut).includes('\r\n\r\n6\r\nt'), `cut at ${cut} had begun`)
    } else t.equal(told.body, 'twelve bytes', `cut at ${cut}`)
  }
  t.ok(visible > 5, `${visible} had begun`)
})

/** Dies when it has read so many bytes in all; counts what it has done. */
async function mortal(t: Teardown, deadAt: number) {
  const seen = { done: 0 }
  const script: Script = (request, socket) => {
    request.complete.then(
      () => {
        seen.done++
        socket.write(answer(200, {}, 'done'))
      },
      () => {},
    )
  }
  const origin = await rawOrigin(script)
  const watch = setInterval(() => {
    if ([...origin.sockets].some(socket => socket.bytesRead >= deadAt)) void origin.stop()
  }, 1)
  t.teardown(() => {
    clearInterval(watch)
    return origin.close()
  })
  return { origin, seen }
}

t.test('a POST to an origin that dies at any byte of it is done once at most', { timeout: 200_000 }, async t => {
  for (let deadAt = 1; deadAt <= 300; deadAt += 7) {
    const { origin, seen } = await mortal(t, deadAt)
    const { port } = await retryApp(t, [origin.url], { retry: { backoffBaseMs: 1, holdMs: 200 } })
    const told = await ask(port, withBody('POST', 'x'.repeat(40)))
    t.ok(seen.done <= 1 && origin.requests.length <= 1, `dead at ${deadAt}: done ${seen.done} times`)
    t.ok(told?.status === 502 || told?.status === 200, `dead at ${deadAt}: ${told?.status}`)
  }
})

t.test('a POST whose answer is cut at any byte is sent once', { timeout: 200_000 }, async t => {
  for (let cut = 0; cut < whole.length; cut++) {
    const origin = await cutting(t, whole, cut)
    const { port } = await retryApp(t, [origin.url], { retry: { backoffBaseMs: 1 } })
    const told = await ask(port, withBody('POST', 'a'))
    t.equal(origin.requests.length, 1, `cut at ${cut}`)
    t.ok(told === null || told.status === 502, `cut at ${cut} is told`)
  }
})
