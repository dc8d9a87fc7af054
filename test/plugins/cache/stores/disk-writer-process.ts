/**
 * A process that writes, reads and deletes in a disk store until it is killed: `FOLDER SEED`. Bodies carry their own
 * hash as a tag, so that anybody can check them. Prints `ready`, `stored` once, one line for each wrong body, `full` once.
 */
import { createHash } from 'node:crypto'
import { openDiskStore } from '../../../../plugins/cache/stores/index.ts'
import { bytesOf, put, readAll } from './support.ts'

const [folder = '', seedText = '1'] = process.argv.slice(2)
const store = await openDiskStore({ folder, maxBytes: 8_000_000 })
process.stdout.write('ready\n')
let seed = Number(seedText)
let hasStored = false

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

async function work(): Promise<void> {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
  const key = `k${(seed >> 16) % 40}`
  const [entry] = store.lookup(key) ?? []
  const found = entry === undefined ? null : await readAll(store, entry)
  if (found !== null && hashOf(found) !== entry?.tags[0]) process.stdout.write(`wrong ${key}\n`)
  if ((seed >> 20) % 8 === 0) await store.delete(key)
  const body = bytesOf(1 + ((seed >> 8) % 300_000), seed)
  const outcome = await put(store, key, body, { tags: [hashOf(body)] })
  if (outcome.stored && !hasStored) process.stdout.write('stored\n')
  hasStored ||= outcome.stored
  if (!outcome.stored && outcome.reason === 'store_full' && store.stats().refused.store_full === 1)
    process.stdout.write('full\n')
}

for (let turn = 0; turn < 100_000; turn++) await Promise.all([work(), work(), work()])
