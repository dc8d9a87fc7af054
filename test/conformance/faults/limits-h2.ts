/** Floods over HTTP/2 (RFC 9113 §10.5 and the advisories that the cases name). */
import { endHeaders, endStream, frame, type RawH2, request, type } from '../../gateway/listeners/raw-h2.ts'
import { ask, checkNeighbours, sleep, watchMemory, within } from './clients.ts'
import { framesUntil, openFrames } from './h2.ts'
import { pushUntilClosed, takenOfEndless } from './limits.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

const MIB = 1024 ** 2

const streamLimit: CaseFunction = async run => {
  const h2 = await openFrames(run)
  const frames = await framesUntil(h2, 3_000, got =>
    got.some(({ kind, flags }) => kind === type.settings && flags === 0),
  )
  const payload = frames.find(({ kind, flags }) => kind === type.settings && flags === 0)?.payload ?? Buffer.alloc(0)
  let limit: number | null = null
  for (let at = 0; at < payload.length; at += 6)
    if (payload.readUInt16BE(at) === 3) limit = payload.readUInt32BE(at + 2)
  must(limit !== null && limit <= 256, `SETTINGS_MAX_CONCURRENT_STREAMS ${limit}`)
  return String(limit)
}

const windowUpdate = (stream: number, by: number) => {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(by)
  return frame(type.windowUpdate, 0, stream, payload)
}

async function checkQuick(run: CaseRun): Promise<number> {
  const got = await ask(run, `/quick-${run.id}`, { ms: 4_000 })
  must(got.status === 200 && got.ms < 2_000, `a normal request: ${got.status} after ${Math.round(got.ms)} ms`)
  return Math.round(got.ms)
}

const madeYouReset: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`hang-${run.id}`, () => {})
  const h2 = await openFrames(run)
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, a.busy)
  }, 5)
  run.cleanup(() => clearInterval(timer))
  for (let i = 0; i < 2_000 && !h2.socket.destroyed; i++) {
    const stream = 2 * i + 1
    h2.socket.write(frame(type.headers, endHeaders | endStream, stream, request(`/hang-${run.id}`)))
    h2.socket.write(windowUpdate(stream, 0))
    if (i % 50 === 49) await sleep(1)
  }
  const ms = await checkQuick(run)
  most = Math.max(most, a.busy)
  must(most <= 512, `${most} upstream requests open`)
  const took = await within(8_000, () => a.busy === 0, `${a.busy} upstream requests still open`)
  const end = h2.frames.some(({ kind }) => kind === type.goaway) ? 'GOAWAY' : h2.socket.destroyed ? 'closed' : 'open'
  return `at most ${most} open, released after ${Math.round(took)} ms, ${end}, normal request ${ms} ms`
}

const continuationFlood: CaseFunction = async run => {
  const memory = watchMemory(run)
  const h2 = await openFrames(run)
  h2.socket.write(frame(type.headers, endStream, 1, request(`/c-${run.id}`)))
  // A field of which every frame is a part: a literal with a name of 1 byte and a value of 4 KiB less its frame.
  const value = Buffer.concat([
    Buffer.from([0, 1, 0x78, 0x7f, 0xf8, 0x1e]),
    Buffer.alloc(127 + 0x78 + (0x1e << 7), 'v'),
  ])
  const taken = await takenOfEndless(run, h2.socket as never, frame(type.continuation, 0, 1, value))
  must(taken < 2 * MIB, `${Math.round(taken / 1024)} KiB were taken`)
  const grown = memory.stop()
  must(grown < 64, `memory grew ${Math.round(grown)} MiB`)
  await checkNeighbours(run)
  return `${Math.round(taken / 1024)} KiB taken, memory +${Math.round(grown)} MiB`
}

/** 50,000 frames while the client does not read. */
function flood(make: (h2: RawH2) => Buffer): CaseFunction {
  return async run => {
    const memory = watchMemory(run)
    const h2 = await openFrames(run)
    h2.socket.pause()
    const block = Buffer.concat(Array.from({ length: 500 }, () => make(h2)))
    h2.socket.write(frame(type.headers, endHeaders, 1, request(`/f-${run.id}`, [], 'POST')))
    const pushed = pushUntilClosed(h2.socket as never, block, block.length * 100)
    await Promise.race([pushed, sleep(4_000)])
    const ms = await checkQuick(run)
    await sleep(500)
    const grown = memory.stop()
    must(grown < 64, `memory grew ${Math.round(grown)} MiB`)
    return `normal request ${ms} ms, memory +${Math.round(grown)} MiB, ${h2.socket.destroyed ? 'ended' : 'open'}`
  }
}

const windowOverflow: CaseFunction = async run => {
  const all: RawH2[] = []
  for (let i = 0; i < 200; i += 20) {
    const some = await Promise.all(Array.from({ length: 20 }, () => openFrames(run)))
    for (const h2 of some) h2.socket.write(Buffer.concat([windowUpdate(0, 0x7fffffff), windowUpdate(0, 0x7fffffff)]))
    all.push(...some)
  }
  const isEnded = (h2: RawH2) => h2.socket.destroyed || h2.frames.some(({ kind }) => kind === type.goaway)
  const took = await within(5_000, () => all.every(isEnded), 'some are neither closed nor ended by GOAWAY')
  await checkNeighbours(run)
  return `${Math.round(took)} ms`
}

export const limitsH2: Readonly<Record<string, CaseFunction>> = {
  'h2-stream-limit': streamLimit,
  'h2-made-you-reset': madeYouReset,
  'h2-continuation-flood': continuationFlood,
  'h2-ping-flood': flood(() => frame(type.ping, 0, 0, Buffer.alloc(8))),
  'h2-settings-flood': flood(() => frame(type.settings, 0, 0)),
  'h2-empty-data-flood': flood(() => frame(type.data, 0, 1)),
  'h2-window-overflow': windowOverflow,
}
