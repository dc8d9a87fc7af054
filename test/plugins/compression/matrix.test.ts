/**
 * The matrix of demands F3: whatever the type, the size, the framing, the status, the method and what the client
 * accepts, the bytes that come out are the origin's, and every label says the truth about them.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'
import { ask, compressingApp, decoded, noise, words } from './support.ts'

t.setTimeout(120_000)

const types = [
  'text/html; charset=utf-8',
  'application/json',
  'image/png',
  'application/octet-stream',
  'image/svg+xml',
  '',
]
const sizes = [0, 1023, 1024, 20_000, 300_000]
const accepts = [
  undefined,
  '',
  'gzip',
  'br',
  'zstd',
  'gzip, deflate, br, zstd',
  'identity',
  '*',
  'gzip;q=0',
  'br;q=0.1, gzip;q=0.9',
  'identity;q=0',
  '*;q=0',
]
const framings = ['length', 'chunked', 'close'] as const

interface Asked {
  readonly type: string
  readonly size: number
  readonly framing: (typeof framings)[number]
  readonly status: number
  readonly encoding: string
}

/** The body by the query of the request, so that each client knows what it must get. */
function bodyOf(asked: Asked): Buffer {
  const { type, size, encoding } = asked
  const key = `${type} ${size} ${encoding}`
  const made = bodies.get(key) ?? makeBody(asked)
  bodies.set(key, made)
  return made
}

const bodies = new Map<string, Buffer>()

function makeBody({ type, size, encoding }: Asked): Buffer {
  const plain = type.startsWith('image/p') || type.endsWith('stream') ? noise(size) : Buffer.from(words(size))
  return encoding === 'gzip' ? zlib.gzipSync(plain) : plain
}

function openOrigin(): Promise<RawOrigin> {
  return rawOrigin((request, socket) => {
    const asked = JSON.parse(decodeURIComponent(request.target.slice(2))) as Asked
    const body = bodyOf(asked)
    const hasBody = request.method !== 'HEAD' && asked.status !== 204 && asked.status !== 304
    const headers: Record<string, string> = { ETag: '"v1"', 'Accept-Ranges': 'bytes', Digest: 'sha-256=x' }
    if (asked.type !== '') headers['Content-Type'] = asked.type
    if (asked.encoding !== '') headers['Content-Encoding'] = asked.encoding
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const first = `HTTP/1.1 ${asked.status} Status\r\n${head.join('')}`
    if (asked.framing === 'length') {
      const length = asked.status === 204 ? '' : `Content-Length: ${body.length}\r\n`
      socket.write(`${first}${length}\r\n`)
      if (hasBody) socket.write(body)
    } else if (asked.framing === 'chunked' && asked.status !== 204) {
      socket.write(`${first}Transfer-Encoding: chunked\r\n\r\n`)
      if (hasBody) writeChunks(body, chunk => socket.write(chunk))
    } else {
      socket.end(Buffer.concat([Buffer.from(`${first}Connection: close\r\n\r\n`), hasBody ? body : Buffer.alloc(0)]))
    }
  })
}

function writeChunks(body: Buffer, write: (bytes: Buffer) => void): void {
  for (let at = 0; at < body.length; at += 7_000) {
    const chunk = body.subarray(at, at + 7_000)
    write(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]))
  }
  write(Buffer.from('0\r\n\r\n'))
}

/** What is wrong with an answer; empty where nothing is. */
function faults(asked: Asked, accept: string | undefined, method: string, got: RawAnswer): string[] {
  const wrong: string[] = []
  const { headers } = got
  const body = bodyOf(asked)
  const isBodyless = method === 'HEAD' || asked.status === 204 || asked.status === 304
  const encoding = headers['content-encoding']
  const isOurs = encoding !== undefined && asked.encoding === ''
  if (got.status !== asked.status) wrong.push(`status ${got.status}`)
  if (!got.isWhole) wrong.push('cut')
  const wanted = asked.encoding === '' ? body : bodyOf({ ...asked, encoding: '' })
  if (!isBodyless && !decoded(got).equals(wanted)) wrong.push('other bytes')
  if (isBodyless && isOurs) wrong.push('a label without a body')
  if (isOurs && !isAccepted(accept, encoding)) wrong.push(`${encoding} was not accepted`)
  if (isOurs && (headers['accept-ranges'] ?? headers['digest']) !== undefined) wrong.push('untrue fields')
  if (isOurs && headers['etag'] !== `"v1~hg-${encoding}"`) wrong.push(`tag ${headers['etag']}`)
  if (asked.encoding !== '' && hasBodyStatus(asked)) {
    const isTaken = accept === undefined || isAccepted(accept, asked.encoding) || !isAccepted(accept, 'identity', true)
    if (encoding !== (isTaken ? asked.encoding : undefined)) wrong.push(`an origin's coding became ${encoding}`)
    if (headers['etag'] !== (isTaken ? '"v1"' : '"v1~hg-decoded"')) wrong.push(`tag ${headers['etag']}`)
    if (!isTaken && (headers['accept-ranges'] ?? headers['digest']) !== undefined) wrong.push('untrue fields')
  }
  const vary = headers['vary'] ?? ''
  if (vary !== '' && vary !== 'accept-encoding') wrong.push(`vary ${vary}`)
  const couldBe = (/text|json|svg/.test(asked.type) || asked.encoding !== '') && hasBodyStatus(asked)
  if (isOurs && vary === '') wrong.push('no Vary')
  if (!couldBe && vary !== '') wrong.push('Vary where nothing was negotiable')
  if (couldBe && asked.size >= 1024 && vary === '') wrong.push('no Vary on a negotiable answer')
  // An empty body whose end comes late on a busy machine might become long: it is encoded as a stream.
  const isKnownShort = asked.size > 0 || asked.framing === 'length'
  if (asked.size < 1024 && isKnownShort && isOurs) wrong.push('too small to encode')
  return wrong
}

function hasBodyStatus({ status }: Asked): boolean {
  return status !== 204 && status !== 304
}

function isAccepted(accept: string | undefined, coding: string, byDefault = false): boolean {
  if (accept === undefined) return byDefault
  const members = accept.split(',').map(member => member.trim().split(';q='))
  const own = members.find(([name]) => name === coding) ?? members.find(([name]) => name === '*')
  return own === undefined ? byDefault : own[1] !== '0'
}

const cases: Asked[] = types.flatMap(type =>
  sizes.flatMap(size =>
    framings.flatMap(framing =>
      [200, 404, 204, 304].flatMap(status => ['', 'gzip'].map(encoding => ({ type, size, framing, status, encoding }))),
    ),
  ),
)

/** What may be encoded meets every client; the others meet one each, in turn. */
const pairs = cases.flatMap((asked, i) => {
  const mayBe =
    /text|json|svg/.test(asked.type) &&
    asked.size >= 1024 &&
    asked.encoding === '' &&
    ![204, 304].includes(asked.status)
  return mayBe ? accepts.map(accept => ({ asked, accept })) : [{ asked, accept: accepts[i % accepts.length] }]
})

for (const { name, direct } of waysOut) {
  t.test(`every combination keeps its bytes and tells the truth, ${name}`, async t => {
    const origin = await openOrigin()
    t.teardown(origin.close)
    const { port } = await compressingApp(t, origin.url, { direct })
    const wrong: string[] = []
    let encoded = 0
    const left = [...pairs.entries()]
    const run = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [i, { asked, accept }] = next
        const method = i % 5 === 4 ? 'HEAD' : i % 7 === 6 ? 'DELETE' : 'GET'
        const fields = accept === undefined ? {} : { 'Accept-Encoding': accept }
        const got = await ask(port, `/?${encodeURIComponent(JSON.stringify(asked))}`, fields, method)
        if (got.headers['content-encoding'] !== undefined && asked.encoding === '') encoded++
        for (const fault of faults(asked, accept, method, got)) {
          wrong.push(`${fault}: ${method} ${JSON.stringify(asked)} for ${accept}: ${JSON.stringify(got.headers)}`)
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, run))
    t.strictSame(wrong.slice(0, 5), [], `${wrong.length} of ${pairs.length} wrong`)
    t.ok(encoded > 200, `${encoded} answers were encoded`)
  })
}

t.test('each body that is worth it is encoded in each coding, at once and as a stream', async t => {
  const origin = await rawOrigin((request, socket) => {
    socket.write(answer(200, { 'Content-Type': 'text/css' }, words(Number(request.target.slice(1)))))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const coding of ['gzip', 'br', 'zstd']) {
    for (const size of [1_024, 60_000, 131_072, 131_073, 1_200_000]) {
      const got = await ask(port, `/${size}`, { 'Accept-Encoding': coding })
      t.equal(got.headers['content-encoding'], coding, `${size} bytes`)
      t.equal(decoded(got).toString(), words(size))
      t.ok(got.body.length < size / 2)
    }
  }
})
