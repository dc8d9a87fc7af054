/** Bodies that a store reads piece by piece: ranges of them, slow readers, readers that leave, bodies that are gone. */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import { fresh, pattern, type Rig, type RigOptions, rig, statusOf, type Teardown, until } from './rig.ts'

const body = pattern(1_500_000)

/** An app with the body in a store on the disk and nothing of it in memory. */
async function onDisk(t: Teardown, options: RigOptions = {}): Promise<{ app: Rig; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-bodies-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const app = await rig(t, { ...options, cache: { store: `disk:${folder}`, frontBytes: 1 } })
  await app.store(fresh({ 'Content-Type': 'text/css' }), body)
  await app.whenStored()
  await app.whenQuiet()
  return { app, folder }
}

function bodyFiles(folder: string): string[] {
  const entries = readdirSync(join(folder, 'bodies'), { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

t.test('it is sent whole, in part and in parts', async t => {
  for (const { name, direct } of waysOut) {
    const { app } = await onDisk(t, { proxy: { direct } })
    const whole = await app.get()
    t.match(statusOf(whole), /; hit/)
    t.ok(whole.body.equals(body), name)
    t.equal((await app.get('/x', {}, 'HEAD')).headers['content-length'], '1500000')
    t.equal((await app.get('/x', { 'If-None-Match': '"v1"' })).status, 304)
    const part = await app.get('/x', { Range: 'bytes=100000-1249999' })
    t.ok(part.body.equals(body.subarray(100_000, 1_250_000)), name)
    const parts = await app.get('/x', { Range: 'bytes=0-499999,1000000-1499999' })
    const boundary = /boundary=(\w+)/.exec(parts.headers['content-type'] ?? '')?.[1]
    const text = parts.body.toString('latin1')
    t.ok(
      text.includes(`bytes 0-499999/1500000\r\n\r\n${body.subarray(0, 500_000).toString('latin1')}\r\n--${boundary}`),
    )
    t.ok(text.endsWith(`${body.subarray(1_000_000).toString('latin1')}\r\n--${boundary}--\r\n`))
    t.ok(parts.isWhole)
    t.equal(app.asked, 1)
  }
})

t.test('a slow reader gets all of it, and holds nobody', async t => {
  for (const { direct } of waysOut) {
    const { app } = await onDisk(t, { proxy: { direct } })
    const slow = app.open()
    await slow.until(text => text.length > 0)
    slow.socket.pause()
    const parts = app.open('/x', { Range: 'bytes=0-749999,800000-1499999' })
    await parts.until(text => text.length > 0)
    parts.socket.pause()
    t.ok((await app.get()).body.equals(body))
    slow.socket.resume()
    t.ok((await slow.answer()).body.equals(body))
    parts.socket.resume()
    t.ok((await parts.answer()).isWhole)
    for (const client of [slow, parts]) client.close()
  }
})

t.test('a reader that leaves takes nothing with it', async t => {
  const { app } = await onDisk(t)
  for (let i = 0; i < 20; i++) {
    const leaving = app.open('/x', i % 2 === 0 ? {} : { Range: 'bytes=0-9,100-1499999' })
    await leaving.until(text => text.length > 0)
    leaving.close()
  }
  t.ok((await app.get()).body.equals(body))
  t.equal(app.asked, 1)
})

t.test('a body that is gone is asked for anew', async t => {
  for (const asking of [{}, { Range: 'bytes=0-9' }, { Range: 'bytes=0-9,20-29' }]) {
    const { app, folder } = await onDisk(t)
    const files = bodyFiles(folder)
    t.equal(files.length, 1)
    for (const file of files) rmSync(file)
    const got = await app.answered(app.get('/x', asking), ask => ask.answer(200, fresh(), 'anew'))
    t.equal(got.body.toString(), 'anew', JSON.stringify(asking))
    t.match(statusOf(got), /^hearthgate; fwd=(uri-)?miss/)
  }
})

t.test('who wants no more than what is stored is told that a body is gone', async t => {
  const { app, folder } = await onDisk(t)
  for (const file of bodyFiles(folder)) rmSync(file)
  const got = app.get('/x', { 'Cache-Control': 'only-if-cached' })
  const refused = await app.answered(got, ask => ask.answer(200, fresh(), 'asked'))
  t.equal(refused.status, 504)
})

t.test('a body that is gone when it has been confirmed is asked for anew', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-bodies-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const app = await rig(t, { cache: { store: `disk:${folder}`, frontBytes: 1 } })
  await app.store({ 'Cache-Control': 'max-age=60', Age: 61, ETag: '"v1"' }, body)
  await app.whenStored()
  await app.whenQuiet()
  for (const file of bodyFiles(folder)) rmSync(file)
  const clients = [app.open(), app.open()]
  await app.whenWaiting(2)
  ;(await app.next()).answer(304, fresh())
  let isOver = false
  const all = Promise.all(clients.map(client => client.answer())).finally(() => {
    isOver = true
  })
  while (!isOver) (await app.next(100).catch(() => null))?.answer(200, fresh(), 'anew')
  for (const got of await all) t.equal(got.body.toString(), 'anew')
  for (const client of clients) client.close()
})

t.test('a body that is shorter than it was is never sent as if it were whole', async t => {
  for (const { direct } of waysOut) {
    const { app, folder } = await onDisk(t, { proxy: { direct } })
    for (const file of bodyFiles(folder)) truncateSync(file, 500_000)
    const got = await app.answered(app.get(), ask => ask.answer(200, fresh(), body))
    t.ok(!got.isWhole || got.body.equals(body))
    await until(async () => {
      const again = await app.answered(app.get(), ask => ask.answer(200, fresh(), body))
      return again.isWhole && again.body.equals(body)
    }, 3_000)
  }
})
