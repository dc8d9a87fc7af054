import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { BodyWriter } from '../../../../plugins/upstream/h1/body-writer.ts'

const head = 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'

/** What is written by the end of the next turn, write by write, when `push` runs in the turn of the start. */
async function writesOf(bodyLength: number | null, push: (source: Readable) => void): Promise<string[]> {
  const socket = new PassThrough()
  const writes: string[] = []
  socket.on('data', chunk => writes.push(String(chunk)))
  const source = new Readable({ read() {} })
  const request = { path: '/', method: 'POST', headers: [], body: source, bodyLength }
  const none = () => {}
  const writer = new BodyWriter(socket as unknown as Socket, request as never, head, { onSent: none, onFailed: none })
  writer.start()
  push(source)
  await new Promise(resolve => setImmediate(resolve))
  return writes
}

t.test('bytes that come in the turn of the head leave with it, others do not hold it back', async t => {
  t.same(await writesOf(2, source => source.push('ab')), [`${head}ab`], 'counted')
  t.same(await writesOf(null, source => source.push('ab')), [`${head}2\r\nab\r\n`], 'chunked')
  t.same(await writesOf(2, () => {}), [head], 'a body that comes later')
  t.same(await writesOf(0, () => {}), [head], 'an empty one')
  t.same(await writesOf(0, source => source.emit('end')), [head], 'an empty one that ends before anybody has looked')
  t.same(await writesOf(null, source => source.emit('end')), [`${head}0\r\n\r\n`], 'the same, chunked')
})
