/**
 * What encoding on the way costs a visitor: how much later the first byte of a long answer comes than without, how late the
 * event loop gets, and how long the beginning of a dripping page waits in an encoder. Origin, client and clock are one.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import type { Result } from './result.ts'

const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress } as const
type Coding = keyof typeof decoders
const CODINGS = Object.keys(decoders) as Coding[]

const SIZES = { '100 KiB': 100 * 1024, '1 MB': 1_000_000 } as const
const ROUNDS = 60
const WARM_UP = 40
/** Demands F1. */
const PROMISED_FIRST_BYTE_MS = 20
const PROMISED_LOOP_MS = 30
const PROMISED_DRIP_MS = 50

/** The page is begun, and goes on after this long. */
const DRIP_PAUSE_MS = 300
/** The first ones are as late as code that has not run yet makes them. */
const DRIP_WARM_UP = 3
const DRIP_ROUNDS = 12
const LOAD_MS = 8000
const LOADERS = 4

/** Records as an API tells them: words that come again, numbers and ids that do not. */
function json(bytes: number): Buffer {
  const words = ['kitchen', 'living room', 'temperature', 'humidity', 'on', 'off', 'unavailable', 'battery']
  const records: string[] = []
  for (let length = 0, i = 0; length < bytes; i++) {
    const id = randomBytes(6).toString('hex')
    const state = words[(i * 7) % words.length]
    const at = new Date(1_750_000_000_000 + i * 61_000).toISOString()
    records.push(JSON.stringify({ id, name: `${words[i % words.length]} ${i}`, state, value: (i * 37) % 1000, at }))
    length += (records.at(-1) as string).length + 1
  }
  return Buffer.from(`[${records.join(',')}]`)
}

interface Origin {
  readonly url: string
  /** When the beginning of the last dripping page was written. */
  readonly beganMs: () => number
  close(): void
}

async function openOrigin(): Promise<Origin> {
  const bodies = new Map(Object.values(SIZES).map(bytes => [`/${bytes}`, json(bytes)]))
  let beganMs = 0
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    const body = bodies.get(req.url ?? '')
    if (body !== undefined) {
      res.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body)
      return
    }
    res.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' })
    res.write(`<!doctype html><title>Drip</title>${'<p>The beginning of a page.</p>'.repeat(60)}`)
    beganMs = performance.now()
    setTimeout(() => res.end('<p>and its end</p>'), DRIP_PAUSE_MS)
  }
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    beganMs: () => beganMs,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const agent = new Agent({ keepAlive: true })

interface Got {
  readonly coding: string
  readonly firstByteMs: number
}

/** Resolves at the end of the answer. `onData` gets its bytes as they came. */
function get(port: number, path: string, accept: string, onData?: (chunk: Buffer) => void): Promise<Got> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'figures.test', 'accept-encoding': accept }
    const begunMs = performance.now()
    let firstByteMs = 0
    const asking = request({ port, host: '127.0.0.1', path, headers, agent }, answer => {
      answer.on('data', chunk => {
        if (firstByteMs === 0) firstByteMs = performance.now() - begunMs
        onData?.(chunk)
      })
      answer.on('end', () => resolve({ coding: answer.headers['content-encoding'] ?? 'identity', firstByteMs }))
      answer.on('error', reject)
    })
    asking.on('error', reject).end()
  })
}

const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** By turns with the same body unencoded, so that what the machine does meanwhile hits both. */
async function addedFirstByte(port: number, size: keyof typeof SIZES, coding: Coding): Promise<Result> {
  const path = `/${SIZES[size]}`
  const [plain, encoded]: [number[], number[]] = [[], []]
  const used = new Set<string>()
  for (let i = -WARM_UP; i < ROUNDS; i++) {
    const without = await get(port, path, 'identity')
    const got = await get(port, path, coding)
    used.add(got.coding)
    if (i < 0) continue
    plain.push(without.firstByteMs)
    encoded.push(got.firstByteMs)
  }
  const [base, median, late] = [percentile(plain, 0.5), percentile(encoded, 0.5), percentile(encoded, 0.95)]
  return {
    text: `first byte of ${size} of JSON in ${coding}: ${(median - base).toFixed(1)} ms later than unencoded, ${(late - base).toFixed(1)} ms of 95 %`,
    isKept: late - base < PROMISED_FIRST_BYTE_MS && used.size === 1 && used.has(coding),
  }
}

async function loopUnderLoad({ port, admin }: GatewayProcess): Promise<Result> {
  const metrics = async () => (await fetch(`${admin}/metrics`)).text()
  await metrics()
  const endMs = performance.now() + LOAD_MS
  let answers = 0
  const loader = async (): Promise<void> => {
    for (let i = 0; performance.now() < endMs; i++, answers++) {
      await get(port, `/${SIZES['1 MB']}`, CODINGS[i % CODINGS.length] as Coding)
    }
  }
  await Promise.all(Array.from({ length: LOADERS }, loader))
  const ms = Number(/^hearthgate_event_loop_p99_delay_seconds (\S+)/m.exec(await metrics())?.[1]) * 1000
  return {
    text: `${answers} answers of 1 MB encoded for ${LOADERS} clients at once: the event loop was ${ms.toFixed(1)} ms late at most in 99 %`,
    isKept: ms < PROMISED_LOOP_MS,
  }
}

async function drip({ port }: GatewayProcess, origin: Origin, coding: Coding): Promise<Result> {
  const lateMs: number[] = []
  for (let i = -DRIP_WARM_UP; i < DRIP_ROUNDS; i++) {
    const decoder = decoders[coding]()
    let seenMs = 0
    decoder.on('data', () => {
      if (seenMs === 0) seenMs = performance.now()
    })
    const got = await get(port, '/drip', coding, chunk => decoder.write(chunk))
    await pause(5)
    decoder.destroy()
    if (i < 0) continue
    lateMs.push(got.coding === coding && seenMs > 0 ? seenMs - origin.beganMs() : Number.POSITIVE_INFINITY)
  }
  const worst = Math.max(...lateMs)
  return {
    text: `beginning of a dripping page in ${coding}: readable ${worst.toFixed(1)} ms after the app wrote it, at worst`,
    isKept: worst < PROMISED_DRIP_MS,
  }
}

export async function encodingFigures(t: { teardown(fn: () => unknown): void }): Promise<Result[]> {
  const origin = await openOrigin()
  t.teardown(() => {
    agent.destroy()
    origin.close()
  })
  const gateway = await gatewayProcess(
    t,
    `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
routes:
  - { name: app, upstream: "${origin.url}" }
`,
  )
  const results: Result[] = []
  for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
    for (const coding of CODINGS) results.push(await addedFirstByte(gateway.port, size, coding))
  }
  for (const coding of CODINGS) results.push(await drip(gateway, origin, coding))
  return [...results, await loopUnderLoad(gateway)]
}
