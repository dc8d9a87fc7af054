/**
 * Answers that come encoded and are stored: decoded once for all clients that cannot take the coding, and sent from the
 * store from then on; with a bound, and never for a body that has been replaced.
 */
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import t, { type Test } from 'tap'
import { folderOf } from '../../support/folder.ts'
import { answer, type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'
import { counted, encoders } from './request-bodies.ts'
import { ask, type CompressingApp, compressingApp, decoded, words } from './support.ts'

type Teardown = Parameters<typeof compressingApp>[0]

/** Decoders of brotli that were given bytes, whoever asked for them. */
let decodings = 0
const counting = new WeakSet<object>()
const prototype = (zlib as unknown as { BrotliDecompress: { prototype: Transform } }).BrotliDecompress.prototype
const transform = prototype._transform
prototype._transform = function (...given) {
  if (!counting.has(this)) decodings++
  counting.add(this)
  transform.apply(this, given)
}
const decodingsOf = async (act: () => Promise<unknown>): Promise<number> => {
  const before = decodings
  await act()
  return decodings - before
}

interface Page {
  body: Buffer
  fields: Record<string, string>
}

async function pageOrigin(t: Teardown, page: Page): Promise<RawOrigin> {
  const origin = await rawOrigin(({ method, headers }, socket) => {
    if (method === 'POST') return void socket.write(answer(204, {}))
    if (headers['if-none-match'] !== undefined && headers['if-none-match'] === page.fields['ETag'])
      return void socket.write(`HTTP/1.1 304 Not Modified\r\nETag: ${page.fields['ETag']}\r\n\r\n`)
    socket.write(answer(200, { 'Content-Type': 'text/css', 'Content-Encoding': 'br', ...page.fields }, page.body))
  })
  t.teardown(origin.close)
  return origin
}

const plainOf = ({ port }: CompressingApp, fields: Record<string, string> = {}, method = 'GET') =>
  ask(port, '/', { 'Accept-Encoding': 'identity', ...fields }, method)
const text = words(30_000)
const freshPage = (body: Buffer | string = text): Page => ({
  body: encoders.br(body),
  fields: { 'Cache-Control': 'max-age=600', ETag: '"v1"', 'Repr-Digest': 'sha-256=:AA==:', 'Accept-Ranges': 'bytes' },
})

const stores = { memory: () => ({}), disk: (t: Test) => ({ store: `disk:${folderOf(t)}` }) }
for (const [name, storeFor] of Object.entries(stores)) {
  t.test(`what is stored encoded is decoded once for all who need it: ${name}`, async t => {
    const origin = await pageOrigin(t, freshPage())
    const app = await compressingApp(t, origin.url, { cache: storeFor(t) })
    t.equal(await decodingsOf(() => plainOf(app)), 1, 'on its way into the store')
    while ((await app.app.cache.stats()).fills > 0) await new Promise(resolve => setTimeout(resolve, 2))
    const together = () => Promise.all(Array.from({ length: 8 }, () => plainOf(app)))
    t.equal(await decodingsOf(together), 1, 'all who come at once wait for one')
    const later = async () => {
      for (let i = 0; i < 5; i++) {
        const got = await plainOf(app)
        t.equal(got.body.toString(), text)
        t.equal(got.headers['content-length'], '30000', 'it is known now')
        t.equal(got.headers['content-encoding'], undefined)
        t.equal(got.headers['etag'], '"v1~hg-decoded"')
        t.equal(got.headers['vary']?.toLowerCase(), 'accept-encoding')
        t.equal(got.headers['repr-digest'], undefined)
        t.equal(got.headers['accept-ranges'], undefined)
        t.match(got.headers['cache-status'], /^hearthgate; hit/)
      }
      const head = await plainOf(app, {}, 'HEAD')
      t.equal(head.headers['content-length'], '30000')
      t.equal(head.headers['etag'], '"v1~hg-decoded"')
      for (const tag of ['"v1~hg-decoded"', '"v0", "v1~hg-decoded"', '*']) {
        const known = await plainOf(app, { 'If-None-Match': tag })
        t.equal(known.status, 304, tag)
        t.equal(known.headers['etag'], '"v1~hg-decoded"')
      }
      const other = await plainOf(app, { 'If-None-Match': '"v0~hg-decoded"' })
      t.equal(other.status, 200)
      const part = await plainOf(app, { Range: 'bytes=0-9' })
      t.equal(part.status, 200, 'a part of coded bytes is of no use')
      t.equal(part.body.toString(), text)
    }
    t.equal(await decodingsOf(later), 0)
    const asStored = await plainOf(app, { 'Cache-Control': 'no-transform' })
    t.equal(asStored.headers['content-encoding'], 'br', 'as it is, where the request forbids changes')
    const br = await ask(app.port, '/', { 'Accept-Encoding': 'br' })
    for (const accept of ['br', 'gzip']) {
      const named = await ask(app.port, '/', { 'Accept-Encoding': accept, 'If-None-Match': '*' })
      t.notMatch(named.headers['etag'] ?? '', /hg-id/, accept)
    }
    t.equal(br.headers['content-encoding'], 'br')
    t.equal(br.headers['etag'], '"v1"')
    t.equal(br.headers['repr-digest'], 'sha-256=:AA==:')
    t.equal(decoded(br).toString(), text)
    t.equal(origin.requests.length, 3, 'once for each set of codings')
    t.match(counted(app.app, 'cache_coded_total'), [[String, 'identity', 1]])
    t.strictSame(counted(app.app, 'cache_coded_saved_bytes_total'), [], 'it saves work, not bytes')
    t.match(
      counted(app.app, 'compression_skipped_total').find(([, reason]) => reason === 'decoded'),
      [String, 'decoded', 17],
      'each one that left plain',
    )
  })
}

t.test('where each use asks the origin, the plain form is kept all the same', async t => {
  const page = freshPage()
  page.fields['Cache-Control'] = 'no-cache'
  const origin = await pageOrigin(t, page)
  const app = await compressingApp(t, origin.url, { cache: {} })
  await plainOf(app)
  await plainOf(app)
  const later = async () => {
    for (let i = 0; i < 3; i++) t.equal((await plainOf(app)).body.toString(), text)
  }
  t.equal(await decodingsOf(later), 0)
  t.equal(origin.requests.length, 5)
  t.equal(origin.requests.at(-1)?.headers['if-none-match'], '"v1"')
})

t.test('a form is used for no other body than its own', async t => {
  const page = freshPage()
  const origin = await pageOrigin(t, page)
  const app = await compressingApp(t, origin.url, { cache: {} })
  for (const version of [1, 2, 3]) {
    const meant = `${version} ${text}`
    Object.assign(page, freshPage(meant))
    page.fields['ETag'] = `"v${version}"`
    if (version === 2) await app.app.cache.purge({ by: 'all' })
    if (version === 3) await ask(app.port, '/', { 'Content-Length': '0' }, 'POST')
    for (let i = 0; i < 3; i++) {
      const got = await plainOf(app)
      t.equal(got.body.toString(), meant, `${version} ${i}`)
      t.equal(got.headers['etag'], `"v${version}~hg-decoded"`)
    }
  }
})

t.test('what is no brotli, or becomes too long, is not kept, and not tried again', async t => {
  const long = words(5 * 1024 ** 2)
  for (const [name, body, reason] of [
    ['cut', encoders.br(text).subarray(0, -4), 'decode-failed'],
    ['with more behind it', Buffer.concat([encoders.br(text), Buffer.from('more')]), 'decode-failed'],
    ['long', encoders.br(long), 'decode-failed'],
  ] as const) {
    const origin = await pageOrigin(t, { ...freshPage(), body })
    const app = await compressingApp(t, origin.url, { cache: {} })
    await ask(app.port, '/', { 'Accept-Encoding': 'identity', 'Cache-Control': 'no-transform' })
    const asked = async () => {
      for (let i = 0; i < 3; i++) {
        const got = await plainOf(app).catch(() => null)
        if (name === 'long') t.equal(got?.body.toString(), long)
        else t.ok(got === null || got.status === 502 || !got.isWhole, `${name} ${got?.status}`)
      }
    }
    t.equal(await decodingsOf(asked), 4, `${name}: for each request, and once to keep it`)
    t.match(
      counted(app.app, 'cache_coded_refused_total').find(([, why]) => why === reason),
      [String, reason, 1],
      name,
    )
    t.strictSame(counted(app.app, 'cache_coded_total'), [], name)
  }
})
