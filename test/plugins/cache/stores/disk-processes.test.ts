/** The disk store under SIGKILL, in several processes at once, and on a disk that is full. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openDiskStore } from '../../../../plugins/cache/stores/index.ts'
import { readAll, type Teardown, temporaryFolder, until } from './support.ts'

/** Thirty with HG_LONG=1. */
const KILLS = process.env['HG_LONG'] === '1' ? 30 : 8
const writer = fileURLToPath(new URL('disk-writer-process.ts', import.meta.url))

interface WriterProcess {
  readonly child: ChildProcess
  readonly lines: string[]
  kill(): Promise<void>
}

/**
 * Starts it and waits until its store is open. With a limit on the length of files writes fail as on a full disk; tap's
 * own hooks are left out there, since one of them makes the signal of that limit deadly, which Node ignores.
 */
async function startWriter(t: Teardown, folder: string, seed: number, fileLimitKiB?: number): Promise<WriterProcess> {
  const words = [process.execPath, writer, folder, String(seed)]
  const child =
    fileLimitKiB === undefined
      ? spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn('bash', ['-c', `unset NODE_OPTIONS; ulimit -f ${fileLimitKiB} && exec "$@"`, 'bash', ...words], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
  const lines: string[] = []
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => lines.push(line))
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.teardown(kill)
  await until(() => lines.includes('ready') || child.exitCode !== null, 20_000)
  return { child, lines, kill }
}

/** How many entries there are, each with a whole body of its own. */
async function checkAll(folder: string): Promise<{ whole: number; wrong: number; missing: number }> {
  const store = await openDiskStore({ folder, orphanAgeMs: 0 })
  const count = { whole: 0, wrong: 0, missing: 0 }
  for (let at = 0; at < 40; at++) {
    const [entry] = store.lookup(`k${at}`) ?? []
    if (entry === undefined) continue
    const body = await readAll(store, entry)
    if (body === null) count.missing++
    else if (createHash('sha256').update(body).digest('hex') === entry.tags[0]) count.whole++
    else count.wrong++
  }
  await store.sweep()
  const { entries } = store.stats()
  const files = readdirSync(join(folder, 'bodies'), { recursive: true, withFileTypes: true })
  if (files.filter(file => file.isFile()).length > entries) count.wrong++
  await store.close()
  return count
}

t.test('Killed at any moment, thirty times: every entry is whole and no file is left over', async t => {
  const folder = temporaryFolder(t)
  for (let round = 0; round < KILLS; round++) {
    const { lines, kill } = await startWriter(t, folder, round + 1)
    // A machine may be slow: in every third round something has been stored before.
    if (round % 3 === 2) await until(() => lines.includes('stored'), 20_000)
    // The moment of death is what is random here.
    await new Promise(resolve => setTimeout(resolve, 20 + Math.random() * 250))
    await kill()
    t.same(
      lines.filter(line => line !== 'stored'),
      ['ready'],
    )
    if (round % 10 === 9) t.match(await checkAll(folder), { wrong: 0, missing: 0 })
  }
  const { whole } = await checkAll(folder)
  t.ok(whole >= 5, `${whole} entries`)
})

t.test('Four processes write, read and delete in one folder, one of them dies: never a wrong body', async t => {
  const folder = temporaryFolder(t)
  const writers = await Promise.all([11, 22, 33, 44].map(seed => startWriter(t, folder, seed)))
  await writers[0]?.kill()
  const store = await openDiskStore({ folder, maxBytes: 8_000_000 })
  await until(() => store.purgeSequence() > 60, 30_000)
  t.ok(store.stats().bytes <= 8_000_000 * 1.1, `${store.stats().bytes} bytes`)
  await store.close()
  for (const { lines, child, kill } of writers) {
    t.equal(child.exitCode, null, 'still at work')
    await kill()
    t.same(
      lines.filter(line => line !== 'stored'),
      ['ready'],
    )
  }
  const { whole, wrong, missing } = await checkAll(folder)
  t.same({ wrong, missing }, { wrong: 0, missing: 0 })
  t.ok(whole >= 5, `${whole} entries`)
})

t.test('A disk that takes no more bytes: writes are refused quietly, and what is there is right', async t => {
  const folder = temporaryFolder(t)
  const first = await startWriter(t, folder, 5)
  await until(() => readdirSync(join(folder, 'bodies'), { recursive: true }).length > 270, 10_000)
  await first.kill()
  for (const limitKiB of [64, 300]) {
    const limited = await startWriter(t, folder, limitKiB, limitKiB)
    await until(() => limited.lines.includes('full'), 10_000)
    t.equal(limited.child.exitCode, null, 'still at work')
    t.equal(limited.child.signalCode, null)
    await limited.kill()
    t.notOk(limited.lines.some(line => line.startsWith('wrong')))
    t.match(await checkAll(folder), { wrong: 0, missing: 0 })
  }
})
