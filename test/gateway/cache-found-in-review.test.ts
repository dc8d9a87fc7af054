/**
 * What a review of the running gateway has found of the cache: stored answers that outlive their successor, strangers' pages
 * in an outage, and parts of coded bytes.
 */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type Script } from '../support/raw-origin.ts'
import { cacheStatus, get, holds, later, MiB, open, purge } from './cache-attack-support.ts'

t.test('what has a successor is not used again, although the client of the successor left in the middle', async t => {
  let version = 1
  const script: Script = (_request, socket) => {
    const fields = { 'Cache-Control': 'max-age=600, stale-if-error=600', ETag: `"v${version}"` }
    if (version === 1) return void socket.write(answer(200, fields, 'one'))
    const whole = answer(200, fields, Buffer.alloc(2 * MiB, 'b'))
    // The client of the first answer leaves before its end.
    if (version++ === 2) socket.write(whole.subarray(0, 300_000))
    else socket.write(whole)
  }
  const { port, origin } = await open(t, script)
  t.equal((await exchange(port, get('/page'))).body.toString(), 'one')
  t.match(cacheStatus(await exchange(port, get('/page'))), /; hit/)
  version = 2
  const leaver = new RawClient(port).send(get('/page', 'Cache-Control: no-cache'))
  await leaver.until(text => text.includes('bbbb'))
  leaver.socket.resetAndDestroy()
  await holds(() => origin.sockets.size === 0 || version === 3, 'the origin was left')
  await later(100)
  const next = await exchange(port, get('/page'))
  t.equal(next.body.length, 2 * MiB, 'the new version')
  t.notMatch(cacheStatus(next), /; hit/)
})

t.test('what has a successor that is too long for the cache is not used again', async t => {
  let isLong = false
  const script: Script = (_request, socket) => {
    const fields = 'Cache-Control: max-age=1, stale-while-revalidate=600\r\n'
    if (!isLong) return void socket.write(`HTTP/1.1 200 OK\r\n${fields}ETag: "v1"\r\nContent-Length: 3\r\n\r\none`)
    const chunk = `10000\r\n${'b'.repeat(65_536)}\r\n`
    socket.write(
      `HTTP/1.1 200 OK\r\n${fields}ETag: "v2"\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(4)}0\r\n\r\n`,
    )
  }
  const { port } = await open(t, script, { cache: 'max_object_size: 100KiB' })
  await exchange(port, get('/page'))
  isLong = true
  const reload = await exchange(port, get('/page', 'Cache-Control: no-cache'))
  t.equal(reload.body.length, 4 * 65_536)
  t.equal((await exchange(port, get('/page'))).body.length, 4 * 65_536, 'the new version')
})

t.test('in an outage nobody with a cookie gets what a stranger got without a lifetime', async t => {
  let isDown = false
  const script: Script = ({ target }, socket) => {
    if (isDown) return void socket.write(answer(503, {}, 'down'))
    const marked: Record<string, string> = { '/open': 'max-age=0, public', '/said': 'max-age=0, stale-if-error=600' }
    const fields = target in marked ? { 'Cache-Control': marked[target] as string } : {}
    socket.write(answer(200, { ETag: '"a"', ...fields }, 'please log in'))
  }
  const { port } = await open(t, script, { cache: 'stale_if_error: 1d', route: 'retry: false' })
  for (const target of ['/', '/open', '/said']) await exchange(port, get(target))
  isDown = true
  const statusOf = async (target: string, ...lines: string[]) => (await exchange(port, get(target, ...lines))).status
  t.equal(await statusOf('/'), 200, 'a stranger')
  t.equal(await statusOf('/', 'Cookie: session=joe'), 503, 'somebody')
  t.equal(await statusOf('/open', 'Cookie: session=joe'), 200, 'a page for everybody')
  t.equal(await statusOf('/said', 'Cookie: session=joe'), 200, 'the app itself allows it')
  t.equal(await statusOf('/', 'Cookie: session=joe', 'Cache-Control: stale-if-error=60'), 200, 'the client asks for it')
})

t.test('who cannot take the coding of an answer gets no part of its coded bytes, however long it is', async t => {
  const plain = randomBytes(6 * MiB)
  const coded = gzipSync(plain, { level: 1 })
  const fields = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=600' }
  const script: Script = (_request, socket) =>
    socket.write(answer(200, { ...fields, ETag: '"a"', Vary: 'Accept-Encoding' }, coded))
  const { port, gateway } = await open(t, script, { cache: 'max_object_size: 32MiB' })
  const refusing = ['Accept-Encoding: identity', 'Range: bytes=5-9']
  const check = async (what: string, wanted: RegExp) => {
    const got = await exchange(port, get('/film', ...refusing))
    t.match(cacheStatus(got), wanted, what)
    t.equal(got.status, 200, what)
    t.equal(got.headers['content-encoding'], undefined, what)
    t.ok(got.body.equals(plain), what)
  }
  await exchange(port, get('/film', 'Accept-Encoding: identity'))
  await check('stored', /; hit/)
  const taking = await exchange(port, get('/film', 'Accept-Encoding: gzip'))
  t.equal(taking.headers['content-encoding'], 'gzip')
  const part = await exchange(port, get('/film', 'Accept-Encoding: gzip', 'Range: bytes=5-9'))
  t.equal(part.status, 206, 'who takes it gets a part')
  t.ok(part.body.equals(coded.subarray(5, 10)))
  // The cache knows that anybody may have it, and would cut it on its way into the store.
  await purge(gateway, { all: true })
  await check('arriving', /fwd=/)
})
