/**
 * Compression in the whole gateway: on by default, off by route, seen in the access log's facts, stored at full effort.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { ask, decoded, noise } from '../plugins/compression/support.ts'
import { base, startGateway } from '../support/gateway.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

const vocabulary =
  'the house and its garden have doors windows lamps sensors rooms with warm light cold water at night in winter'
const page = Array.from(noise(8_000), byte => vocabulary.split(' ')[byte % 20]).join(' ')

t.test('answers are encoded by default, and a route can be left out', async t => {
  const origin = await rawOrigin((_request, socket) => socket.write(answer(200, { 'Content-Type': 'text/html' }, page)))
  t.teardown(origin.close)
  const { port } = await startGateway(
    t,
    `${base}
routes:
  - { name: wiki, upstream: "${origin.url}" }
  - { name: account, match: { path: /account }, upstream: "${origin.url}", compression: false }
  - { name: plain, match: { path: /gzip }, upstream: "${origin.url}", compression: { algorithms: [gzip] } }
`,
  )
  const all = { 'Accept-Encoding': 'gzip, br, zstd' }
  const got = await ask(port, '/', all)
  t.equal(got.headers['content-encoding'], 'zstd')
  t.equal(decoded(got).toString(), page)
  t.equal((await ask(port, '/account', all)).headers['content-encoding'], undefined)
  t.equal((await ask(port, '/account', all)).headers['vary'], undefined)
  t.equal((await ask(port, '/gzip', all)).headers['content-encoding'], 'gzip')
})

t.test('what the cache keeps is encoded at full effort in the background and sent from then on', async t => {
  const origin = await rawOrigin((_request, socket) =>
    socket.write(
      answer(200, { 'Content-Type': 'text/html', ETag: '"v1"', 'Cache-Control': 'public, max-age=600' }, page),
    ),
  )
  t.teardown(origin.close)
  const { port } = await startGateway(
    t,
    `${base}store: memory\nroutes:\n  - { name: wiki, upstream: "${origin.url}" }\n`,
  )
  const best = zlib.brotliCompressSync(page, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }).length
  let got = await ask(port, '/', { 'Accept-Encoding': 'br' })
  const first = got.body.length
  t.ok(first > best, 'on the fly it is longer')
  const deadline = Date.now() + 60_000
  while (got.body.length >= first && Date.now() < deadline) got = await ask(port, '/', { 'Accept-Encoding': 'br' })
  t.ok(got.body.length <= best + 64, `${got.body.length} bytes, ${best} at best`)
  t.equal(decoded(got).toString(), page)
  t.equal(got.headers['etag'], '"v1~hg-br"')
  t.equal(got.headers['content-encoding'], 'br')
  t.equal((await ask(port, '/', { 'Accept-Encoding': 'br', 'If-None-Match': '"v1~hg-br"' })).status, 304)
  t.equal(origin.requests.length, 1)
})
