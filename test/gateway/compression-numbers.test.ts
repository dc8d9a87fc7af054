/**
 * What the numbers say of answers whose coding changes on the way, beside what was really sent: whole ones, ones whose client
 * left, decoded ones, and forms out of the cache.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { noise, words } from '../plugins/compression/support.ts'
import { base, startGateway, type TestGateway } from '../support/gateway.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

interface Told {
  readonly outcome: string
  readonly encoding: string | null
  readonly bytesOut: number
  readonly bytesRaw: number
  readonly encodeMs: number
}

const text = words(30_000)
const coded = zlib.brotliCompressSync(text)
const type = { 'Content-Type': 'text/plain' }
const kept = { 'Cache-Control': 'max-age=600', ETag: '"1"' }
const pages: Record<string, Buffer> = {
  '/br': answer(200, { ...type, 'Content-Encoding': 'br', 'Cache-Control': 'no-store' }, coded),
  '/text': answer(200, { ...type, 'Cache-Control': 'no-store' }, text),
  '/noise': answer(200, { ...type, 'Cache-Control': 'no-store' }, noise(60_000)),
  '/kept': answer(200, { ...type, ...kept }, text),
  '/kept-br': answer(200, { ...type, ...kept, 'Content-Encoding': 'br' }, coded),
}

async function rig(t: Teardown): Promise<TestGateway> {
  const long = words(1_000_000)
  const origin = await rawOrigin(({ target }, socket) => {
    const page = pages[target]
    if (page !== undefined) return void socket.write(page)
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 90000000\r\n\r\n')
    const pump = () => {
      while (!socket.destroyed && socket.write(long));
    }
    socket.on('drain', pump)
    pump()
  })
  t.teardown(origin.close)
  return startGateway(t, `${base}\nroutes:\n  - { name: all, upstream: "${origin.url}" }\n`)
}

const ask = ({ port }: TestGateway, path: string, accept: string) =>
  exchange(port, `GET ${path} HTTP/1.1\r\nHost: home.test\r\nAccept-Encoding: ${accept}\r\n\r\n`)

async function numbersOf({ adminUrl }: TestGateway): Promise<(name: string, labels?: string) => number | undefined> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  return (name, labels = '') => {
    const line = metrics.split('\n').find(each => each.startsWith(`hearthgate_${name}{route="all"${labels}`))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
}

async function lastOf(gateway: TestGateway): Promise<Told> {
  const got = (await gateway.admin('/api/requests')) as { requests?: Told[] } | Told[]
  return (Array.isArray(got) ? got : (got.requests ?? []))[0] as Told
}

t.test('a decoded answer is as long as what was sent, and no coding is said of it', async t => {
  const gateway = await rig(t)
  const { body } = await ask(gateway, '/br', 'identity')
  t.equal(body.length, 30_000)
  t.match(await lastOf(gateway), { encoding: null, bytesOut: 30_000, bytesRaw: 30_000, encodeMs: 0 })
  const value = await numbersOf(gateway)
  t.equal(value('response_body_bytes_total', ',encoding="identity"'), 30_000)
  t.equal(value('compression_decoded_total', ',encoding="br"'), 1)
  t.equal(value('compression_decoded_in_bytes_total', ',encoding="br"'), coded.length)
  t.equal(value('compression_decoded_out_bytes_total', ',encoding="br"'), 30_000)
  t.equal(value('compression_skipped_total', ',reason="decoded"'), 1)
})

t.test('an answer whose client left counts with what went through the encoder, on both sides', async t => {
  const gateway = await rig(t)
  const client = new RawClient(gateway.port).send('GET /long HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n')
  await client.until(received => received.length > 2_000_000, 20_000)
  const received = client.received.length
  client.close()
  while ((await numbersOf(gateway))('compression_answers_total') !== 1) await new Promise(done => setTimeout(done, 20))
  const { outcome, encoding, bytesOut, bytesRaw, encodeMs } = await lastOf(gateway)
  t.equal(outcome, 'client_left')
  t.equal(encoding, 'gzip')
  t.ok(bytesOut > received * 0.9, `${bytesOut} were made, ${received} have come`)
  t.ok(encodeMs > 0)
  const value = await numbersOf(gateway)
  const [bytesInAll, out] = [value('compression_in_bytes_total') ?? 0, value('compression_out_bytes_total') ?? 0]
  const meant = zlib.gunzipSync(gzipOf(client), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).length
  const ratio = meant / gzipOf(client).length
  t.ok(Math.abs(bytesInAll / out / ratio - 1) < 0.1, `${bytesInAll / out} is told, ${ratio} is true`)
  t.ok(Math.abs(bytesRaw / bytesOut / ratio - 1) < 0.1, `${bytesRaw / bytesOut} is told, ${ratio} is true`)
})

/** What has come of the body, out of its chunks. */
function gzipOf({ received }: RawClient): Buffer {
  const parts: Buffer[] = []
  let at = received.indexOf('\r\n\r\n') + 4
  for (;;) {
    const end = received.indexOf('\r\n', at)
    const size = Number.parseInt(received.subarray(at, end).toString('latin1'), 16)
    if (end < 0 || end + 2 + size > received.length) return Buffer.concat(parts)
    parts.push(received.subarray(end + 2, end + 2 + size))
    at = end + 4 + size
  }
}

t.test('whole answers count exactly, and the time for what did not shrink counts too', async t => {
  const gateway = await rig(t)
  const got = await ask(gateway, '/text', 'gzip')
  t.match(await lastOf(gateway), { encoding: 'gzip', bytesOut: got.body.length, bytesRaw: 30_000 })
  const before = await numbersOf(gateway)
  t.equal(before('compression_in_bytes_total'), 30_000)
  t.equal(before('compression_out_bytes_total'), got.body.length)
  await ask(gateway, '/noise', 'gzip')
  t.match(await lastOf(gateway), { encoding: null, bytesOut: 60_000, bytesRaw: 60_000 })
  const after = await numbersOf(gateway)
  t.equal(after('compression_skipped_total', ',reason="no-gain"'), 1)
  t.equal(after('compression_answers_total'), 1)
  t.equal(after('compression_in_bytes_total'), 30_000)
  t.ok((after('compression_busy_seconds_total') ?? 0) > (before('compression_busy_seconds_total') ?? 0))
})

t.test('a form out of the cache is neither encoded again nor the origin`s, and what it saves is told', async t => {
  const gateway = await rig(t)
  await ask(gateway, '/kept', 'identity')
  const saved = async () => (await numbersOf(gateway))('cache_coded_saved_bytes_total', ',encoding="br"') ?? 0
  const deadline = Date.now() + 20_000
  let answers = 1
  while ((await saved()) === 0 && Date.now() < deadline) {
    await new Promise(done => setTimeout(done, 100))
    await ask(gateway, '/kept', 'br')
    answers++
  }
  const { body } = await ask(gateway, '/kept', 'br')
  t.match(await lastOf(gateway), { encoding: 'br', bytesOut: body.length, bytesRaw: 30_000, encodeMs: 0 })
  for (let i = 0; i < 3; i++) await ask(gateway, '/kept-br', 'identity')
  t.match(await lastOf(gateway), { encoding: null, bytesOut: 30_000, bytesRaw: 30_000, encodeMs: 0 })
  const value = await numbersOf(gateway)
  t.ok((value('compression_skipped_total', ',reason="stored-form"') ?? 0) >= 2)
  t.equal(value('compression_skipped_total', ',reason="origin-encoded"'), undefined)
  t.equal(value('compression_skipped_total', ',reason="decoded"'), 3)
  t.equal(value('compression_decoded_total', ',encoding="br"'), 1, 'on its way into the store')
  t.equal(value('cache_coded_total', ',encoding="identity"'), 1)
  t.equal(value('response_raw_bytes_total', ',encoding="br"'), 30_000 * answers)
  const { now } = (await gateway.admin('/api/analysis')) as { now: { compression: object }[] }
  const sent = value('response_body_bytes_total', ',encoding="br"') ?? 0
  t.match(now[0]?.compression, { encoded: answers, bytesSaved: 30_000 * answers - sent })
})
