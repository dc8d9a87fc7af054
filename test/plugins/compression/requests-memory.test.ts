/**
 * A decoded body waits for its app: nothing is decoded ahead of what is read. Alone in its file, since it looks at the
 * memory of the process.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { RawClient } from '../../support/raw-client.ts'
import { type RawRequest, rawOrigin } from '../../support/raw-origin.ts'
import { compressingApp } from './support.ts'

const MiB = 1024 ** 2

t.test('an app that does not read makes the client of a coded body wait, and memory stays where it was', async t => {
  let socketOf: RawRequest | null = null
  const origin = await rawOrigin((request, socket) => {
    socketOf = request
    socket.pause()
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, {
    compression: { requests: { decode: true, maxSize: null, maxRatio: 1_000_000 } } as never,
  })
  const bomb = zlib.gzipSync(Buffer.alloc(400 * MiB))
  const client = new RawClient(port)
  t.teardown(() => client.close())
  client
    .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`)
    .send(bomb)
  while (socketOf === null) await new Promise(resolve => setTimeout(resolve, 5))
  const before = process.memoryUsage().rss
  await new Promise(resolve => setTimeout(resolve, 500))
  const grown = process.memoryUsage().rss - before
  t.ok(grown < 64 * MiB, `${(grown / MiB).toFixed(1)} MiB more`)
})
