/**
 * What the cache keeps is the origin's; what a client gets of it is encoded for that client, with a tag of its own that
 * finds its way back.
 */
import t from 'tap'
import { answer, rawOrigin } from '../../support/raw-origin.ts'
import { ask, compressingApp, decoded, words } from './support.ts'

const body = words(9_000)

t.test('a hit is encoded for whoever asks, and conditions with marked tags are answered from the store', async t => {
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Content-Type': 'text/html', ETag: '"v1"', 'Cache-Control': 'max-age=60' }, body)),
  )
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, { cache: {} })
  for (const [accept, tag] of [
    ['gzip', '"v1~hg-gzip"'],
    ['br', '"v1~hg-br"'],
    ['zstd', '"v1~hg-zstd"'],
    ['identity', '"v1"'],
  ] as const) {
    const got = await ask(port, '/page', { 'Accept-Encoding': accept })
    t.equal(decoded(got).toString(), body)
    t.equal(got.headers['etag'], tag)
    t.equal(got.headers['vary']?.toLowerCase(), 'accept-encoding')
    const again = await ask(port, '/page', { 'Accept-Encoding': accept, 'If-None-Match': tag })
    t.equal(again.status, 304, accept)
    t.equal(again.headers['etag'], tag)
    const other = await ask(port, '/page', { 'Accept-Encoding': accept, 'If-None-Match': '"v0~hg-br"' })
    t.equal(other.status, 200)
    const part = await ask(port, '/page', { 'Accept-Encoding': accept, Range: 'bytes=0-9', 'If-Range': tag })
    t.equal(
      part.status,
      accept === 'identity' ? 206 : 200,
      'a part of encoded bytes is never continued with plain ones',
    )
  }
  t.equal(origin.requests.length, 1)
})

for (const withCache of [true, false]) {
  t.test(
    `a page that was read encoded can be written back, ${withCache ? 'with' : 'without'} a cache (F2)`,
    async t => {
      const origin = await rawOrigin((request, socket) => {
        const { method, headers } = request
        if (method === 'PUT') socket.write(answer(headers['if-match'] === '"v1"' ? 204 : 412, {}))
        else if (headers['if-none-match'] === '"v1"') socket.write('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
        else socket.write(answer(200, { 'Content-Type': 'text/html', ETag: '"v1"' }, body))
      })
      t.teardown(origin.close)
      const { port } = await compressingApp(t, origin.url, withCache ? { cache: {} } : {})
      for (const coding of ['gzip', 'br', 'zstd']) {
        const read = await ask(port, '/note', { 'Accept-Encoding': coding })
        t.equal(read.headers['content-encoding'], coding)
        const tag = read.headers['etag'] ?? ''
        const kept = await ask(port, '/note', { 'Accept-Encoding': coding, 'If-None-Match': tag })
        t.equal(kept.status, 304, coding)
        t.equal(kept.headers['etag'], tag)
        t.equal(kept.headers['vary']?.toLowerCase(), 'accept-encoding')
        const written = await ask(port, '/note', { 'If-Match': tag, 'Content-Length': '0' }, 'PUT')
        t.equal(written.status, 204, 'and not 412')
      }
    },
  )
}
