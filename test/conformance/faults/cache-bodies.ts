/** The cases on what is kept of an answer and for how long: whole bodies, parts, waiters, expiry (RFC 9111 §3.3, §3.4, §4.2, §4.3). */
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from '../../support/raw-client.ts'
import { describe, get, HOST, isHit, minute, serve, serveTexts, untilHit } from './cache-origin.ts'
import { requestBytes, type Timed, within } from './clients.ts'
import type { Arrival } from './origin.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

const KIB = 1024
const tag = 'ETag: "whole"'

/** Bytes of which no two stretches of any length are the same, so that a hole or a wrong offset shows. */
function numberedBytes(size: number): Buffer {
  const text = Array.from({ length: Math.ceil(size / 8) }, (_, i) => `${i}`.padStart(8, '.')).join('')
  return Buffer.from(text.slice(0, size))
}

function mustBeWhole(got: Timed, body: Buffer, whom: string): void {
  must(got.status === 200 && got.isWhole, `${whom} was answered ${got.status}, ${got.isWhole ? 'whole' : 'cut'}`)
  must(got.body.equals(body), `${whom} got ${got.body.length} of ${body.length} bytes, or others`)
}

/** `first` answers the first request with the token; later ones get the whole body. */
function serveFirst(run: CaseRun, token: string, body: Buffer, first: (arrival: Arrival) => unknown): void {
  let count = 0
  const later = (arrival: Arrival) => arrival.end(Buffer.concat([Buffer.from(lengthHead(body)), body]))
  run.lab.a.scripts.set(token, arrival => (count++ === 0 ? first(arrival) : later(arrival)))
}

const lengthHead = (body: Buffer) => `HTTP/1.1 200 OK\r\n${minute}\r\nContent-Length: ${body.length}\r\n\r\n`

/** Cut after a chunk; then, with a length in front, half way. Neither is ever taken for the whole. */
const truncated: CaseFunction = async run => {
  const body = numberedBytes(8 * KIB)
  const half = body.subarray(0, 4 * KIB)
  const chunk = Buffer.concat([Buffer.from('1000\r\n'), half, Buffer.from('\r\n')])
  const chunkedHead = `HTTP/1.1 200 OK\r\n${minute}\r\nTransfer-Encoding: chunked\r\n\r\n`
  const cuts: [string, Buffer][] = [
    [chunkedHead, chunk],
    [lengthHead(body), half],
  ]
  for (const [i, [head, bytes]] of cuts.entries()) {
    const target = `/c${i}-${run.id}`
    serveFirst(run, target, body, arrival => {
      arrival.write(Buffer.concat([Buffer.from(head), bytes]))
      arrival.socket.end()
    })
    const first = await get(run, target).catch(() => null)
    // A short answer that was cut may have been asked for again before the client saw any of it.
    const isHonest = first === null || !first.isWhole || first.status >= 500 || first.body.equals(body)
    must(isHonest, 'the first client got a cut answer as a whole one')
    mustBeWhole(await get(run, target), body, 'the second client')
    mustBeWhole(await untilHit(run, target), body, 'the third client')
  }
}

/** The filling client leaves half way; the origin goes on, or waits until the second client has come. */
const leavesMidFill: CaseFunction = async run => {
  const body = numberedBytes(256 * KIB)
  for (const comes of ['after', 'before']) {
    const target = `/${comes}-${run.id}`
    const isLeft = Promise.withResolvers<void>()
    serveFirst(run, target, body, async arrival => {
      arrival.write(Buffer.concat([Buffer.from(lengthHead(body)), body.subarray(0, body.length / 2)]))
      await isLeft.promise
      arrival.end(body.subarray(body.length / 2))
    })
    const filler = run.client().send(requestBytes(target, { host: HOST }))
    await within(3_000, () => filler.received.length > 64 * KIB, 'the filler gets nothing')
    const second = comes === 'before' ? get(run, target) : null
    if (second !== null) await sleep(100)
    filler.socket.resetAndDestroy()
    await within(2_000, () => filler.closed, 'the filler does not leave')
    setTimeout(isLeft.resolve, 100)
    mustBeWhole(await (second ?? get(run, target)), body, `the second client, who came ${comes} the first left,`)
    mustBeWhole(await untilHit(run, target), body, 'the third client')
  }
}

/** The bytes that a single range with both ends asks for. */
function rangeOf(value: string | undefined): [number, number] | null {
  const match = /^bytes=(\d+)-(\d+)$/.exec(value ?? '')
  return match === null ? null : [Number(match[1]), Number(match[2])]
}

/** An origin that knows ranges. */
function serveRanges(run: CaseRun, token: string, body: Buffer): void {
  serve(run, token, message => {
    const range = rangeOf(message.one('range'))
    if (range === null) return { lines: [minute, tag, 'Accept-Ranges: bytes'], body }
    const [first, last] = range
    const lines = [minute, tag, `Content-Range: bytes ${first}-${last}/${body.length}`]
    return { status: 206, lines, body: body.subarray(first, last + 1) }
  })
}

/** A part is kept as a part; the whole, once asked for, answers ranges as well. */
const partialNotWhole: CaseFunction = async run => {
  const target = `/r-${run.id}`
  const body = numberedBytes(16 * KIB)
  serveRanges(run, target, body)
  const asked = { lines: ['Range: bytes=1000-2999'] }
  const mustBePart = (got: Timed) =>
    must(got.status === 206 && got.body.equals(body.subarray(1000, 3000)), `the range was answered ${got.status}`)
  mustBePart(await get(run, target, asked))
  mustBePart(await untilHit(run, target, asked))
  mustBeWhole(await get(run, target), body, 'the plain GET')
  mustBeWhole(await untilHit(run, target), body, 'the second plain GET')
  mustBePart(await untilHit(run, target, asked))
}

const rangeAmplification: CaseFunction = async run => {
  const target = `/r-${run.id}`
  const body = numberedBytes(100 * KIB)
  serveRanges(run, target, body)
  await get(run, target)
  await untilHit(run, target)
  const fields = ['0-', '-102400', '1-102399', '0-51200,51100-'].map(
    spec => `Range: bytes=${Array.from({ length: 500 }, () => spec).join()}`,
  )
  const sizes: string[] = []
  for (const field of fields) {
    const client = new RawClient(run.lab.port).send(requestBytes(target, { host: HOST, lines: [field] }))
    run.cleanup(() => client.close())
    let bytes = 0
    client.socket.on('data', chunk => {
      bytes += chunk.length
      if (bytes > 3 * body.length) client.close()
    })
    const got = await client.answer('GET', 10_000).catch(() => null)
    must(bytes <= 2 * body.length, `${bytes} bytes for an object of ${body.length}`)
    must(got !== null, `no whole answer to 500 ranges, ${bytes} bytes`)
    sizes.push(`${got.status} ${got.body.length}`)
  }
  return sizes.join(', ')
}

/** Fetched again without a validator, asked about with one; a stale body never comes without the origin's word. */
const expiry: CaseFunction = async run => {
  const served = new Map<string, number>()
  for (const [path, lines] of Object.entries({ plain: [], tagged: [tag] })) {
    const target = `/${path}-${run.id}`
    serve(run, target, (message, count) => {
      served.set(path, count)
      const all = ['Cache-Control: max-age=1', ...lines]
      return message.one('if-none-match') === '"whole"'
        ? { status: 304, lines: all }
        : { lines: all, body: describe(message, count) }
    })
    await get(run, target)
    await untilHit(run, target)
  }
  const before = new Map(served)
  await sleep(2_500)
  for (const path of before.keys()) {
    const got = await get(run, `/${path}-${run.id}`)
    must(got.status === 200 && got.text.startsWith('<n='), `${path}: answered ${got.status} ${got.text}`)
    must(served.get(path) === (before.get(path) ?? 0) + 1, `${path}: the origin was not asked, ${served.get(path)}`)
    await untilHit(run, `/${path}-${run.id}`)
  }
}

const conditional: CaseFunction = async run => {
  const target = `/c-${run.id}`
  serve(run, target, (message, count) =>
    message.one('if-none-match') === '"whole"'
      ? { status: 304, lines: [minute, tag] }
      : { lines: [minute, tag], body: describe(message, count) },
  )
  const asked = { lines: ['If-None-Match: "whole"'] }
  const first = await get(run, target, asked)
  must(first.status === 304 && first.text === '', `the conditional GET was answered ${first.status}`)
  for (const how of [get, untilHit]) {
    const got = await how(run, target)
    must(got.status === 200 && got.text.startsWith('<n='), `the plain GET got ${got.status} ${got.text || 'no body'}`)
  }
  const later = await untilHit(run, target, asked)
  must(later.status === 304, `the conditional GET of what is stored was answered ${later.status}`)
}

/** Nine wait for what the first has asked for, and the first leaves. */
const firstLeaves: CaseFunction = async run => {
  const target = `/w-${run.id}`
  const { a } = run.lab
  const isLeft = Promise.withResolvers<void>()
  serve(run, target, async (message, count) => {
    await isLeft.promise
    await sleep(500)
    return { lines: [minute], body: describe(message, count) }
  })
  const first = run.client().send(requestBytes(target, { host: HOST }))
  await within(2_000, () => a.seen(target).length === 1, 'nothing upstream')
  const others = Array.from({ length: 9 }, () => get(run, target, { ms: 5_000 }).catch(() => null))
  await sleep(200)
  const upstream = a.seen(target).length
  must(upstream <= 2, `${upstream} requests upstream: nobody waits for the first`)
  first.socket.resetAndDestroy()
  setTimeout(isLeft.resolve, 100)
  for (const got of await Promise.all(others)) {
    must(got !== null, 'one of the nine got nothing within 5 s')
    must(got.status === 200 && got.text.startsWith('<n='), `one of the nine got ${got.status} ${got.text}`)
    must(got.ms < 5_000, `one of the nine waited ${Math.round(got.ms)} ms`)
  }
  await untilHit(run, target)
  return `${a.seen(target).length} requests upstream`
}

/** Every line of a hit that the origin did not send tells nothing of the inside. */
const headerLeak: CaseFunction = async run => {
  const target = `/leak-${run.id}?q=${run.id}`
  serveTexts(run, target, [minute, tag, 'Content-Type: text/plain', `Date: ${new Date().toUTCString()}`])
  await get(run, target)
  const hit = await untilHit(run, target)
  must(isHit(hit) && hit.text.startsWith('<n='), `answered ${hit.status}`)
  const secrets = [run.id, '127.0.0.1', 'localhost', String(run.lab.a.port), run.lab.gateway.folder, 'cache.test']
  for (const line of hit.lines) {
    const secret = secrets.find(text => line.includes(text))
    must(secret === undefined, `a hit says ${line}`)
    must(!/^[^:]*\b(key|file|path|upstream|backend|origin|server)\b/i.test(line), `a hit has ${line}`)
    must(!/; *key *=/i.test(line), `Cache-Status tells the key: ${line}`)
  }
  return hit.headers['cache-status']
}

export const cacheOfBodies: Readonly<Record<string, CaseFunction>> = {
  'truncated-chunked': truncated,
  'client-leaves-mid-fill': leavesMidFill,
  'partial-not-whole': partialNotWhole,
  'range-amplification': rangeAmplification,
  expiry,
  'conditional-304': conditional,
  'coalesce-first-client-leaves': firstLeaves,
  'internal-header-leak': headerLeak,
}
