/** HTTP/2 frames against the running gateway, judged at the origin; another client of HTTP/2 is served all the while. */
import http2 from 'node:http2'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import fc from 'fast-check'
import type { Message } from '../conformance/faults/strict-reader.ts'
import { frame, type } from '../gateway/listeners/raw-h2.ts'
import type { Bounds } from './fuzz-requests.ts'
import { type H2Sent, h2Sent } from './h2-grammar.ts'
import { judgeH2 } from './judge-h2.ts'
import { openRig, type Rig, settle } from './rig.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface H2Tally {
  runs: number
  forwarded: number
  asked: number
}

const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(type.settings, 0, 0)])
/** Behind the frames: its answer tells that all of them have been read. */
const ping = frame(type.ping, 0, 0, Buffer.from('fuzzping'))
/** The gateway answers or ends the connection within this. */
const PATIENCE_MS = 300

/** Sends the frames and waits until they have been read and every stream that was opened has ended. */
async function sendFrames(port: number, { bytes, requests }: H2Sent): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  const done = Promise.withResolvers<void>()
  let rest = Buffer.alloc(0)
  let isRead = false
  const ended = new Set<number>()
  socket.on('error', () => {}).on('close', () => done.resolve())
  socket.on('data', chunk => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const [kind, flags, stream] = [rest[3], rest[4] as number, rest.readUInt32BE(5)]
      if (kind === type.ping && (flags & 1) === 1) isRead = true
      if (kind === type.rst || ((kind === type.data || kind === type.headers) && (flags & 1) === 1)) ended.add(stream)
      if (kind === type.goaway) done.resolve()
      rest = rest.subarray(9 + rest.readUIntBE(0, 3))
    }
    if (isRead && ended.size >= requests.length) done.resolve()
  })
  socket.once('secureConnect', () => socket.write(Buffer.concat([preface, bytes, ping])))
  await Promise.race([done.promise, pause(PATIENCE_MS, undefined, { ref: false })])
  socket.destroy()
}

/** @returns everything that is wrong */
export async function tryH2(
  rig: Rig,
  other: http2.ClientHttp2Session,
  sent: H2Sent,
  tally?: H2Tally,
): Promise<string[]> {
  await settle(rig.origin)
  const { messages: before } = rig.origin
  const first = before.length
  rig.origin.faults = []
  await sendFrames(rig.tlsPort, sent)
  await settle(rig.origin)
  const wrong = await askOther(other, first)
  const mine = rig.origin.messages.slice(first).filter((message: Message) => !message.target.startsWith('/other-'))
  wrong.push(...judgeH2(sent, mine, rig.origin.faults))
  if (!rig.isAlive()) wrong.push(`the gateway has ended: ${rig.gateway.log().slice(-2_000)}`)
  if (tally !== undefined) {
    tally.runs++
    tally.asked += sent.requests.length
    tally.forwarded += mine.length
  }
  return wrong
}

/** Somebody else's session, before and behind: nothing of the frames may show there. */
async function askOther(session: http2.ClientHttp2Session, number: number): Promise<string[]> {
  const path = `/other-${number}`
  const stream = session.request({ ':path': path, ':authority': 'fuzz.test' })
  let text = ''
  const status = await new Promise<number>(resolve => {
    let seen = 0
    stream.setEncoding('latin1')
    stream.on('response', headers => {
      seen = headers[':status'] ?? 0
    })
    stream.on('data', chunk => {
      text += chunk
    })
    stream.on('error', () => {}).on('close', () => resolve(seen))
  })
  return status === 200 && text === `O GET ${path}` ? [] : [`somebody else got ${status} ${JSON.stringify(text)}`]
}

export async function fuzzH2(t: Teardown, { seed, runs, ms }: Bounds): Promise<H2Tally> {
  const rig = await openRig(t)
  const other = http2.connect(`https://127.0.0.1:${rig.tlsPort}`, { rejectUnauthorized: false })
  other.on('error', () => {})
  t.teardown(() => other.destroy())
  const tally: H2Tally = { runs: 0, forwarded: 0, asked: 0 }
  await fc.assert(
    fc.asyncProperty(h2Sent, async sent => {
      const wrong = await tryH2(rig, other, sent, tally)
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: ms, markInterruptAsFailure: false },
  )
  return tally
}
