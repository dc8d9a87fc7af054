/** The disk store in one process. */
import { existsSync, readdirSync, readFileSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { DiskEntry } from '../../../../plugins/cache/stores/disk/rows.ts'
import { openDiskStore } from '../../../../plugins/cache/stores/index.ts'
import { storeSuite } from './suite.ts'
import { bytesOf, put, readAll, temporaryFolder, textOf, until } from './support.ts'

storeSuite(t, async (t, input) => {
  const store = await openDiskStore({ ...input, folder: temporaryFolder(t) })
  t.teardown(() => store.close())
  return store
})

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(file => file.isFile())
    .map(file => join(file.parentPath, file.name))
}

t.test('Entries outlive the process, and files have no name of a client and no reader but the owner', async t => {
  const folder = temporaryFolder(t)
  const first = await openDiskStore({ folder })
  await put(first, 'http://wiki/../../etc/passwd?secret', 'hello')
  await first.close()
  for (const file of filesUnder(folder)) {
    t.match(file.slice(folder.length), /^\/(index\.sqlite(-wal|-shm)?|bodies\/[0-9a-f]{2}\/[0-9a-f]{32})$/)
    t.equal(statSync(file).mode & 0o777, 0o600, file)
  }
  for (const name of ['', 'bodies', 'bodies/00', 'writing'])
    t.equal(statSync(join(folder, name)).mode & 0o777 & 0o077, 0, name)
  const second = await openDiskStore({ folder })
  t.teardown(() => second.close())
  t.equal(await textOf(second, 'http://wiki/../../etc/passwd?secret'), 'hello')
})

t.test('Files go with their entries', async t => {
  const folder = temporaryFolder(t)
  const store = await openDiskStore({ folder })
  t.teardown(() => store.close())
  const bodies = (): number => filesUnder(join(folder, 'bodies')).length
  await put(store, 'a', 'one')
  await put(store, 'a', 'two')
  await put(store, 'b', 'three')
  await until(() => bodies() === 2, 2_000)
  await store.purge({ by: 'all' })
  await until(() => bodies() === 0, 2_000)
  const writer = store.openWriter('c', '', { bodyLength: null })
  await writer.write(bytesOf(100_000))
  writer.abort()
  await until(() => filesUnder(join(folder, 'writing')).length === 0, 2_000)
})

t.test('Files that no entry refers to are swept at the start, strange ones stay', async t => {
  const folder = temporaryFolder(t)
  const first = await openDiskStore({ folder })
  await put(first, 'a', 'one')
  await first.close()
  const orphans = [join(folder, 'bodies/ab', 'ab'.repeat(16)), join(folder, 'writing', 'cd'.repeat(16))]
  const strange = join(folder, 'bodies/ab', 'holiday.jpg')
  for (const path of [...orphans, strange]) writeFileSync(path, 'x')
  const patient = await openDiskStore({ folder })
  t.equal(await patient.sweep(), 0, 'a young file may be one that is just being stored')
  await patient.close()
  const store = await openDiskStore({ folder, orphanAgeMs: 0 })
  t.teardown(() => store.close())
  await until(() => !orphans.some(existsSync), 2_000)
  t.ok(existsSync(strange))
  t.equal(await textOf(store, 'a'), 'one')
})

t.test('A body that is missing, cut or damaged by a loss of power is a miss and is forgotten', async t => {
  const damages: { name: string; damage: (file: string) => void }[] = [
    { name: 'cut', damage: file => truncateSync(file, 99_999) },
    { name: 'other bytes', damage: file => writeFileSync(file, Buffer.alloc(100_000)) },
  ]
  for (const { name, damage } of damages) {
    const folder = temporaryFolder(t)
    const first = await openDiskStore({ folder })
    await put(first, 'a', bytesOf(100_000))
    await put(first, 'b', bytesOf(100_000))
    await first.close()
    pretendOtherBoot(folder)
    for (const file of filesUnder(join(folder, 'bodies'))) if (readFileSync(file)[0] !== undefined) damage(file)
    const store = await openDiskStore({ folder })
    t.teardown(() => store.close())
    t.equal(await textOf(store, 'a'), null, name)
    await until(() => store.stats().entries === 1, 2_000)
    t.equal(store.stats().failures, 1, name)
  }
})

t.test('A whole body of an earlier run of the machine is checked once', async t => {
  const folder = temporaryFolder(t)
  const first = await openDiskStore({ folder })
  await put(first, 'a', bytesOf(100_000))
  await first.close()
  pretendOtherBoot(folder)
  const store = await openDiskStore({ folder })
  t.teardown(() => store.close())
  const [entry] = store.lookup('a') ?? []
  t.ok(entry !== undefined && (await readAll(store, entry))?.equals(bytesOf(100_000)))
  await until(() => (store.lookup('a')?.[0] as DiskEntry | undefined)?.boot === store.boot, 2_000)
})

function pretendOtherBoot(folder: string): void {
  const db = new DatabaseSync(join(folder, 'index.sqlite'))
  db.exec("UPDATE entries SET boot = 'another'")
  db.close()
}

t.test('A damaged index is begun afresh', async t => {
  const folder = temporaryFolder(t)
  const first = await openDiskStore({ folder })
  await put(first, 'a', 'one')
  await first.close()
  writeFileSync(join(folder, 'index.sqlite'), 'this is no database'.repeat(1_000))
  const store = await openDiskStore({ folder })
  t.teardown(() => store.close())
  t.equal(store.lookup('a'), null)
  t.match(await put(store, 'a', 'two'), { stored: true })
  t.equal(await textOf(store, 'a'), 'two')
})

t.test('A purge that the index cannot take is kept until it can, and nothing it names is served', async t => {
  const folder = temporaryFolder(t)
  const store = await openDiskStore({ folder })
  t.teardown(() => store.close())
  await put(store, 'a', 'one')
  await put(store, 'b', 'one')
  const other = new DatabaseSync(join(folder, 'index.sqlite'))
  other.exec('BEGIN IMMEDIATE')
  t.same(await store.purge({ by: 'url', value: 'a' }), { removed: 0, complete: false })
  t.equal(store.lookup('a'), null)
  t.equal(await textOf(store, 'b'), 'one')
  other.exec('ROLLBACK')
  other.close()
  await until(() => store.stats().entries === 1, 5_000)
  t.equal(store.lookup('a'), null)
})

t.test('The store makes room when the disk runs out of it for others', async t => {
  const folder = temporaryFolder(t)
  const { bavail, bsize } = statfsSync(folder)
  const first = await openDiskStore({ folder, reserveBytes: 0 })
  await put(first, 'a', 'one')
  await first.close()
  const store = await openDiskStore({ folder, reserveBytes: bavail * bsize * 2 })
  t.teardown(() => store.close())
  await put(store, 'b', 'two')
  t.equal(store.lookup('a'), null)
  t.equal(store.stats().entries, 0)
})

t.test('A folder that cannot be used is an error at the start', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file'), '')
  await t.rejects(openDiskStore({ folder: join(folder, 'file', 'cache') }), { code: 'ENOTDIR' })
})
