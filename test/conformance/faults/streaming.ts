/** The cases on bodies that flow: no added delay, no holding back, bounded memory, every byte (RFC 9112 §6, §7). */
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import zlib from 'node:zlib'
import { requestBytes, sleep, tryAsk, watchMemory, within } from './clients.ts'
import { sendLarge } from './limits.ts'
import { type Arrival, answer } from './origin.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

const MIB = 1024 ** 2
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

/** Sends numbered lines `gapMs` apart; when each was sent. */
async function sendLines(arrival: Arrival, type: string, count: number, gapMs: number): Promise<Map<string, number>> {
  const sent = new Map<string, number>()
  arrival.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`)
  for (let i = 0; i < count && !arrival.socket.destroyed; i++) {
    await sleep(gapMs)
    const text = `data: event ${i} of ${count}\n\n`
    sent.set(text, performance.now())
    arrival.write(chunk(text))
  }
  arrival.end('0\r\n\r\n')
  return sent
}

/** What a client has of a stream, decoded, and when: [milliseconds, length so far]. */
interface Reading {
  text: string
  readonly arrivals: [number, number][]
  isOver: boolean
  coding: string
}

function readStream(run: CaseRun, path: string, headers: Record<string, string>): Reading {
  const reading: Reading = { text: '', arrivals: [], isOver: false, coding: 'identity' }
  const request = http.get({ host: '127.0.0.1', port: run.lab.port, path, headers: { host: 'app.test', ...headers } })
  request.on('error', () => {})
  run.cleanup(() => request.destroy())
  request.on('response', response => {
    reading.coding = response.headers['content-encoding'] ?? 'identity'
    const decoder = { gzip: zlib.createGunzip, br: zlib.createBrotliDecompress }[reading.coding]
    const body = decoder === undefined ? response : response.pipe(decoder())
    body.on('data', (chunk: Buffer) => {
      reading.text += chunk.toString('latin1')
      reading.arrivals.push([performance.now(), reading.text.length])
    })
    body.on('end', () => {
      reading.isOver = true
    })
  })
  return reading
}

/** Sends lines `gapMs` apart; the longest time that one took to the client is the verdict. */
function latency(type: string, headers: Record<string, string>, gapMs: number, limitMs: number): CaseFunction {
  return async run => {
    const sent = Promise.withResolvers<Map<string, number>>()
    run.lab.a.scripts.set(`s-${run.id}`, async arrival => sent.resolve(await sendLines(arrival, type, 8, gapMs)))
    const reading = readStream(run, `/s-${run.id}`, headers)
    const all = await sent.promise
    await within(3_000, () => reading.isOver, 'the stream did not end')
    const late = [...all].map(([text, at]) => {
      const end = reading.text.indexOf(text) + text.length
      return (reading.arrivals.find(([, length]) => length >= end)?.[0] ?? Number.POSITIVE_INFINITY) - at
    })
    must(all.size === 8 && [...all.keys()].join('') === reading.text, 'not the text that was sent')
    must(Math.max(...late) <= limitMs, `${Math.round(Math.max(...late))} ms late`)
    return `at most ${Math.max(...late).toFixed(1)} ms, ${reading.coding}`
  }
}

/** The client leaves an event stream; the upstream connection has to go. */
const eventsClientLeaves: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`s-${run.id}`, arrival => sendLines(arrival, 'text/event-stream', 100, 100))
  const client = run.client().send(requestBytes(`/s-${run.id}`))
  await client.until(text => text.includes('event 1 '), 3_000)
  const connection = a.seen(`s-${run.id}`)[0]?.connection ?? -1
  client.socket.destroy()
  return `${Math.round(await within(2_000, () => !a.isOpen(connection), 'the upstream connection is open'))} ms`
}

const uploadFlows: CaseFunction = async run => {
  const { a } = run.lab
  const client = run.client()
  client.send(`POST /u-${run.id} HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${MIB}\r\n\r\n`)
  client.send(Buffer.alloc(64 * 1024, 'u'))
  const took = await within(900, () => (a.seen(`u-${run.id}`)[0]?.bodyBytes ?? 0) > 0, 'no byte upstream')
  await sleep(1_000 - took)
  client.send(Buffer.alloc(MIB - 64 * 1024, 'u'))
  const got = await client.answer('POST')
  must(got.status === 200 && a.seen(`u-${run.id}`)[0]?.bodyBytes === MIB, `answered ${got.status}`)
  return `first bytes after ${Math.round(took)} ms`
}

const uploadChunked: CaseFunction = async run => {
  const body = randomBytes(2 * MIB)
  const client = run.client()
  client.send(`POST /u-${run.id} HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n`)
  const sizes = [1, 7, 4093, 65_537, 3, 16_383, 100_003]
  for (let at = 0, i = 0; at < body.length; i++) {
    const part = body.subarray(at, at + (sizes[i % sizes.length] as number))
    client.send(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
    at += part.length
  }
  client.send('0\r\n\r\n')
  const got = await client.answer('POST', 15_000)
  const [message] = run.lab.a.seen(`u-${run.id}`)
  must(got.status === 200 && message?.body.equals(body), `answered ${got.status}, ${message?.bodyBytes} bytes upstream`)
}

/** A client that asks and does not read. */
export function stalledClient(run: CaseRun, path: string): net.Socket {
  const socket = net.connect({ port: run.lab.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.pause()
  socket.write(requestBytes(path))
  run.cleanup(() => socket.destroy())
  return socket
}

const slowDownloads: CaseFunction = async run => {
  run.lab.a.scripts.set(`d-${run.id}`, arrival => sendLarge(arrival, 64 * MIB))
  const memory = watchMemory(run)
  for (let i = 0; i < 20; i++) stalledClient(run, `/d-${run.id}`)
  await within(2_000, () => run.lab.a.seen(`d-${run.id}`).length === 20, 'not all upstream')
  await sleep(2_000)
  const grown = memory.stop()
  must(grown < 128, `memory grew ${Math.round(grown)} MiB`)
  return `memory +${Math.round(grown)} MiB`
}

const integrity: CaseFunction = async run => {
  const bodies = Array.from({ length: 24 }, () => randomBytes(4 * MIB))
  for (const [i, body] of bodies.entries())
    run.lab.a.scripts.set(`d${i}-${run.id}`, arrival => arrival.end(answer(200, [], body)))
  const digests = await Promise.all(bodies.map((_, i) => digestOf(run, `/d${i}-${run.id}`)))
  const wrong = bodies.findIndex((body, i) => createHash('sha256').update(body).digest('hex') !== digests[i])
  must(wrong < 0, `download ${wrong} has another digest`)
}

async function digestOf(run: CaseRun, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${run.lab.port}${path}`, { signal: AbortSignal.timeout(30_000) })
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}

const twoAtOnce: CaseFunction = async run => {
  run.lab.a.scripts.set(`s-${run.id}`, arrival => sendLines(arrival, 'text/event-stream', 50, 200))
  const stream = run.client().send(requestBytes(`/s-${run.id}`))
  await stream.until(text => text.includes('event 0'), 3_000)
  let slowest = 0
  for (let i = 0; i < 200; i++) {
    const got = await tryAsk(run, `/g-${run.id}-${i}`, { ms: 5_000 })
    must(got.status === 200, `a GET was answered ${got.status}`)
    slowest = Math.max(slowest, got.ms)
  }
  must(slowest < 1_000, `a GET took ${Math.round(slowest)} ms`)
  must(!stream.closed, 'the stream ended')
  return `slowest ${Math.round(slowest)} ms`
}

export const streaming: Readonly<Record<string, CaseFunction>> = {
  'chunk-latency': latency('text/plain', {}, 200, 250),
  'sse-compress-asked': latency('text/event-stream', { 'accept-encoding': 'gzip, br' }, 250, 100),
  'sse-client-leaves': eventsClientLeaves,
  'upload-not-held-back': uploadFlows,
  'upload-chunked': uploadChunked,
  'download-20-slow-clients': slowDownloads,
  'download-integrity': integrity,
  'two-at-once': twoAtOnce,
}
