/**
 * A cache on disk whose gateway is killed at any moment, whose folder cannot be written or has no room: nobody ever gets
 * a torn body, what was stored is served by the next gateway, and what cannot be stored is a miss.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { temporaryFolder } from '../plugins/cache/stores/support.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { checkedOrigin } from './cache-checked-origin.ts'
import {
  ask,
  cacheNumbers,
  cachingGateway,
  endIdleConnections,
  isHit,
  isLong,
  isSound,
  lifeOf,
} from './cache-support.ts'
import { eventually } from './support.ts'

t.teardown(endIdleConnections)

const ROUNDS = isLong ? 30 : 5
const WORKERS = 8
const SIZES = [800, 5_000, 60_000, 90_000, 400_000, 2_000_000]
const paths = Array.from({ length: 60 }, (_, number) => `/file${number}?size=${SIZES[number % SIZES.length]}`)

interface Tally {
  hits: number
  misses: number
  /** Answers that the kill cut off, which HTTP itself shows. */
  cut: number
  readonly torn: string[]
}

/** Asks for random paths until the gateway is gone. */
async function askOn({ child, port }: GatewayProcess, tally: Tally): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const path = paths[Math.floor(Math.random() * paths.length)] as string
    const answered = await ask(port, path)
    if (answered.status === 0) {
      tally.cut++
      await sleep(5)
    } else if (!isSound(answered, path)) tally.torn.push(`${path} ${answered.status} ${answered.body.length}`)
    else if (isHit(answered)) tally.hits++
    else tally.misses++
  }
}

t.test(`killed ${ROUNDS} times under load: no torn body, and hits survive`, async t => {
  const origin = await checkedOrigin(t)
  const top = `store: disk:${temporaryFolder(t)}/cache\nstore_limits: { size: 64MiB, memory: 1MiB }`
  const tally: Tally = { hits: 0, misses: 0, cut: 0, torn: [] }
  let firstHits = 0
  for (let round = 0; round < ROUNDS; round++) {
    const gateway = await cachingGateway(t, origin.url, top)
    if (round > 0 && isHit(await ask(gateway.port, paths[round % paths.length] as string))) firstHits++
    const workers = Array.from({ length: WORKERS }, () => askOn(gateway, tally))
    // A machine may be slow: the first rounds leave something to be found.
    const asked = tally.misses + tally.hits
    if (round % 2 === 0) await eventually(() => tally.misses + tally.hits > asked + paths.length)
    await sleep(30 + Math.random() * 400)
    gateway.child.kill('SIGKILL')
    await Promise.all([once(gateway.child, 'exit'), ...workers])
  }
  const last = await cachingGateway(t, origin.url, top)
  let kept = 0
  for (const path of paths) {
    const answered = await ask(last.port, path)
    if (!isSound(answered, path)) tally.torn.push(`${path} at the end`)
    if (isHit(answered)) kept++
  }
  const { hits, misses, cut } = tally
  t.comment(`${hits} hits, ${misses} misses, ${cut} cut by kills; ${firstHits} first answers of a start were hits;`)
  t.comment(`${kept} of ${paths.length} were hits in the end`)
  t.strictSame(tally.torn, [])
  t.ok(kept > paths.length / 2, `${kept} of ${paths.length} survived`)
  t.ok(firstHits > 0)
})

t.test('a folder that cannot be written to: misses until it can', async t => {
  const origin = await checkedOrigin(t)
  const folder = join(temporaryFolder(t), 'cache')
  const gateway = await cachingGateway(t, origin.url, `store: disk:${folder}`)
  await eventually(async () => isHit(await ask(gateway.port, '/before?size=200000')))
  // Permissions do not hold root back; a file where the folder was holds everybody back.
  renameSync(join(folder, 'writing'), join(folder, 'away'))
  writeFileSync(join(folder, 'writing'), '')
  for (let again = 0; again < 3; again++) {
    const answered = await ask(gateway.port, '/during?size=200000')
    t.ok(isSound(answered, '/during') && !isHit(answered), `${answered.error} ${lifeOf(gateway)}`)
  }
  t.ok(isHit(await ask(gateway.port, '/before?size=200000')), 'what is stored is served')
  t.ok((await cacheNumbers(gateway)).store.refused['io_error'])
  rmSync(join(folder, 'writing'))
  renameSync(join(folder, 'away'), join(folder, 'writing'))
  await eventually(async () => isHit(await ask(gateway.port, '/during?size=200000')))
  t.equal(gateway.child.exitCode, null, lifeOf(gateway))
})

/** Why there can be no disk of 4 MiB here; false = there can. */
const withoutSmallDisk = isLong
  ? process.getuid?.() !== 0 && 'only root can mount a small disk'
  : 'mounts a small disk: only with HG_LONG=1'

t.test('a disk without room: misses, and hits when there is room again', { skip: withoutSmallDisk }, async t => {
  const origin = await checkedOrigin(t)
  const disk = temporaryFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const gateway = await cachingGateway(t, origin.url, `store: disk:${disk}/cache`)
  await eventually(async () => isHit(await ask(gateway.port, '/small?size=20000')))
  const ballast = join(disk, 'ballast')
  t.throws(() => writeFileSync(ballast, Buffer.alloc(4 * 2 ** 20)), { code: 'ENOSPC' })
  for (let again = 0; again < 20; again++) {
    const answered = await ask(gateway.port, `/large${again}?size=400000`)
    t.ok(isSound(answered, `/large${again}`) && !isHit(answered), `${answered.error} ${lifeOf(gateway)}`)
  }
  t.ok((await cacheNumbers(gateway)).store.refused['store_full'])
  t.ok(isSound(await ask(gateway.port, '/small?size=20000'), '/small'))
  rmSync(ballast)
  await eventually(async () => isHit(await ask(gateway.port, '/large0?size=400000')))
  t.equal(gateway.child.exitCode, null, lifeOf(gateway))
})

/** Bytes of all files below it, as `du` counts them; files that go meanwhile count nothing. */
function bytesBelow(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += bytesBelow(path)
    else if (existsSync(path)) bytes += (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512
  }
  return bytes
}

t.test('the store stays within its size', async t => {
  const [limit, count, size] = isLong ? [64, 400, 1_000_000] : [8, 60, 500_000]
  const origin = await checkedOrigin(t)
  const folder = join(temporaryFolder(t), 'cache')
  const top = `store: disk:${folder}\nstore_limits: { size: ${limit}MiB, memory: 1MiB }`
  const gateway = await cachingGateway(t, origin.url, top)
  let most = 0
  for (let at = 0; at < count; at += 4) {
    const four = [0, 1, 2, 3].map(number => `/piece${at + number}?size=${size}`)
    const answers = await Promise.all(four.map(async path => isSound(await ask(gateway.port, path), path)))
    if (answers.includes(false)) t.fail(`${four} are not right`)
    most = Math.max(most, bytesBelow(join(folder, 'bodies')) + bytesBelow(join(folder, 'writing')))
  }
  const { store } = await cacheNumbers(gateway)
  const index = bytesBelow(folder) - bytesBelow(join(folder, 'bodies')) - bytesBelow(join(folder, 'writing'))
  t.comment(
    `${limit} MiB allowed, ${(count * size) / 1e6} MB asked: at most ${(most / 2 ** 20).toFixed(1)} MiB of bodies`,
  )
  t.comment(`on disk, index ${(index / 2 ** 20).toFixed(1)} MiB, account ${(store.bytes / 2 ** 20).toFixed(1)} MiB`)
  t.ok(store.bytes <= limit * 2 ** 20)
  // Those that are being written, and those whose files are still to be unlinked, are not in the account.
  t.ok(most <= limit * 2 ** 20 + 32 * size, `${most} bytes`)
  t.ok(store.evicted > 0)
  await eventually(() => bytesBelow(join(folder, 'bodies')) <= limit * 2 ** 20)
})
