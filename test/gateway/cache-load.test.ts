/**
 * The cache under load: many clients on few keys, downloads far longer than what is stored, clients that stall and
 * clients that leave. Every body is checked; memory, connections and fills go back to where they were.
 */
import { createHash } from 'node:crypto'
import { get } from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startRedis, temporaryFolder, withoutRedis } from '../plugins/cache/stores/support.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { type CheckedOrigin, checkedOrigin, fileBytes } from './cache-checked-origin.ts'
import {
  ask,
  cacheNumbers,
  cachingGateway,
  endIdleConnections,
  isHit,
  isLong,
  isSound,
  lifeOf,
  mebibytes,
  percentile,
  rounded,
} from './cache-support.ts'
import { eventually } from './support.ts'

t.teardown(endIdleConnections)

const MiB = 1024 ** 2
const LOAD_MS = isLong ? 5_000 : 1_000
/** Several times what may be held of it. */
const LONG_MIB = isLong ? 300 : 160
const CLIENTS = 200
const KEYS = 50

/** No request is open, at the origin or in a fill. */
async function comesToRest(gateway: GatewayProcess, origin: CheckedOrigin): Promise<void> {
  await eventually(async () => {
    const { fills, waiters } = await cacheNumbers(gateway)
    return fills === 0 && waiters === 0 && origin.running === 0
  })
}

const stores = [
  { kind: 'memory', skip: false, open: async (_t: Test) => 'memory' },
  { kind: 'disk', skip: false, open: async (t: Test) => `disk:${temporaryFolder(t)}/cache` },
  { kind: 'Redis', skip: withoutRedis, open: async (t: Test) => (await startRedis(t)).url },
] as const

for (const { kind, skip, open } of stores) {
  t.test(`${CLIENTS} clients on ${KEYS} keys, ${kind}`, { skip }, async t => {
    const origin = await checkedOrigin(t)
    const gateway = await cachingGateway(t, origin.url, `store: ${await open(t)}`)
    const paths = Array.from({ length: KEYS }, (_, number) => `/${kind}${number}?size=${1_000 + number * 800}&wait=20`)
    const samples: { ms: number; isHit: boolean }[] = []
    const wrong: string[] = []
    const end = performance.now() + LOAD_MS
    const client = async (number: number): Promise<void> => {
      for (let turn = number; performance.now() < end; turn += 7) {
        const path = paths[turn % KEYS] as string
        const answered = await ask(gateway.port, path)
        samples.push({ ms: answered.ms, isHit: isHit(answered) })
        if (!isSound(answered, path)) wrong.push(`${path} ${answered.status} ${answered.error}`)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
    const hits = samples.filter(({ isHit }) => isHit).length
    const asked = [...origin.asked.values()].reduce((sum, count) => sum + count, 0)
    t.comment(`${kind}: ${samples.length} answers, ${hits} hits, origin asked ${asked} times, p50`)
    t.comment(
      `${rounded(percentile(samples, 0.5))} p99 ${rounded(percentile(samples, 0.99))} ms, RSS ${mebibytes(gateway.rssBytes())} MiB`,
    )
    t.strictSame(wrong, [])
    t.ok(asked <= KEYS * 1.2, `${asked} requests for ${KEYS} keys`)
    await comesToRest(gateway, origin)
  })
}

/** Reads a download to its end without keeping it: its length, its SHA-256 and the most memory of the gateway meanwhile. */
async function download(
  gateway: GatewayProcess,
  path: string,
): Promise<{ bytes: number; sum: string; mostRss: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  let mostRss = 0
  await new Promise<void>((resolve, reject) => {
    const call = get({ host: '127.0.0.1', port: gateway.port, path, headers: { host: 'a' } }, response => {
      response.on('data', chunk => {
        bytes += chunk.length
        hash.update(chunk)
        if (bytes % (8 * MiB) < chunk.length) mostRss = Math.max(mostRss, gateway.rssBytes())
      })
      response.on('end', resolve).on('error', reject)
    })
    call.on('error', reject)
  })
  return { bytes, sum: hash.digest('hex'), mostRss }
}

function sumOfFile(length: number): string {
  const hash = createHash('sha256')
  for (let at = 0; at < length; at += MiB) hash.update(fileBytes(at, at + MiB))
  return hash.digest('hex')
}

for (const framing of ['', '&chunked']) {
  t.test(`${LONG_MIB} MiB that may be cached pass in constant memory${framing && ', length unknown'}`, async t => {
    const origin = await checkedOrigin(t)
    const gateway = await cachingGateway(t, origin.url)
    await download(gateway, `/warm?file&size=${16 * MiB}${framing}`)
    const before = gateway.rssBytes()
    const { bytes, sum, mostRss } = await download(gateway, `/film?file&size=${LONG_MIB * MiB}${framing}`)
    t.equal(bytes, LONG_MIB * MiB)
    t.equal(sum, sumOfFile(LONG_MIB * MiB))
    t.comment(`RSS ${mebibytes(before)} MiB before, at most ${mebibytes(mostRss)} MiB meanwhile`)
    t.ok(mostRss - before < 64 * MiB, `${mebibytes(mostRss - before)} MiB more`)
    t.match(await cacheNumbers(gateway), { store: { entries: 0 }, fills: 0 })
  })
}

/** Clients that ask and read no byte. */
function stalled(t: Test, count: number, port: number, path: string): net.Socket[] {
  return Array.from({ length: count }, () => {
    const socket = net.connect(port, '127.0.0.1').pause()
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.teardown(() => socket.destroy())
    return socket
  })
}

for (const count of isLong ? [20, 1_000] : [20]) {
  t.test(`${count} stalled clients on one fill of 6 MiB hold up nobody`, { timeout: 200_000 }, async t => {
    const origin = await checkedOrigin(t)
    const gateway = await cachingGateway(t, origin.url)
    const path = `/shared?size=${6 * MiB}&wait=1500`
    const before = gateway.rssBytes()
    const sockets = stalled(t, count, gateway.port, path)
    await eventually(async () => (await cacheNumbers(gateway)).waiters === count)
    const fast = await ask(gateway.port, path)
    t.ok(isSound(fast, '/shared'), String(fast.error))
    t.match(fast.headers['cache-status'], 'collapsed')
    t.ok(fast.ms < 10_000 + 3 * count, `${rounded(fast.ms)} ms`)
    t.equal(origin.asked.get('GET /shared'), 1)
    const grown = gateway.rssBytes() - before
    t.comment(`the fast one took ${rounded(fast.ms)} ms, RSS grew by ${mebibytes(grown)} MiB`)
    t.ok(grown < (48 + count / 4) * MiB, `${mebibytes(grown)} MiB more`)
    await eventually(async () => isHit(await ask(gateway.port, path)))
    for (const socket of sockets) socket.destroy()
    await comesToRest(gateway, origin)
  })
}

t.test('a stalled client holds up nobody on an answer longer than the window', async t => {
  const origin = await checkedOrigin(t)
  const gateway = await cachingGateway(t, origin.url)
  const path = `/endless?size=${24 * MiB}&wait=400&chunked`
  const [socket] = stalled(t, 1, gateway.port, path)
  await eventually(() => origin.running === 1)
  const fast = await ask(gateway.port, path, { signal: AbortSignal.timeout(3_000) })
  const message = `${fast.error} after ${rounded(fast.ms)} ms`
  t.ok(isSound(fast, '/endless'), message, { todo: 'who lags 8 MiB holds up all others until write_idle' })
  socket?.destroy()
  await comesToRest(gateway, origin)
})

t.test('clients that leave at any moment leave nothing behind', async t => {
  const origin = await checkedOrigin(t)
  const gateway = await cachingGateway(t, origin.url)
  const descriptors = gateway.descriptors()
  const leaving = async (number: number): Promise<void> => {
    const path = `/left${number % 20}?size=${(number % 5) * MiB}&wait=${number % 30}&pace=5&cc=${number % 3 === 0 ? 'private' : 'max-age=5'}`
    const socket = net.connect(gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    if (number % 2 === 0) socket.resume()
    await sleep(Math.random() * 150)
    socket.destroy()
  }
  for (let round = 0; round < (isLong ? 20 : 4); round++) {
    await Promise.all(Array.from({ length: 150 }, (_, number) => leaving(number + round)))
  }
  await comesToRest(gateway, origin)
  const asked = [...origin.asked.values()].reduce((sum, count) => sum + count, 0)
  t.comment(`origin asked ${asked} times, ${origin.sockets} connections left, RSS ${mebibytes(gateway.rssBytes())} MiB`)
  // Idle connections to the origin are kept for a while; those of clients are not.
  await eventually(() => gateway.descriptors() - origin.sockets <= descriptors + 5)
  t.ok(isSound(await ask(gateway.port, '/left1?size=2000000'), '/left1'))
  t.equal(gateway.child.exitCode, null, lifeOf(gateway))
})
