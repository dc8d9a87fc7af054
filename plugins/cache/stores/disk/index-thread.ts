/**
 * The thread that writes the index: transactions, their waiting for other processes and the unlinking of bodies never
 * hold up the requests. Calls that come together share a transaction.
 */
import { lstatSync, readdirSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { bodyPath, FILE_MODE, isGeneration, storeFolder } from './folder.ts'
import { type IndexLimits, IndexOperations } from './index-operations.ts'
import { BUSY_TIMEOUT_MS } from './schema.ts'

export interface ThreadSettings {
  readonly root: string
  readonly limits: IndexLimits
  /** A file without an entry is an orphan after this time; before it, it may be one that is just being stored. */
  readonly orphanAgeMs: number
  readonly sweepIntervalMs: number
}

export type OperationName = 'commit' | 'update' | 'purge' | 'forget' | 'verified' | 'touch' | 'lock' | 'unlock'

export interface IndexCall {
  readonly id: number
  readonly operation: OperationName | 'sweep' | 'close'
  readonly argument: unknown
}

export interface IndexReply {
  readonly id: number
  readonly value?: unknown
  /** `full` = no room on the disk, `failed` = anything else. */
  readonly problem?: 'full' | 'failed'
}

/** Calls in one transaction, so that other processes get their turn. */
const BATCH = 64
/** Primary result codes of SQLite. */
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26

const settings = workerData as ThreadSettings
const port = parentPort as MessagePort
const folder = storeFolder(settings.root)
const db = new DatabaseSync(folder.index, { timeout: BUSY_TIMEOUT_MS })
db.exec('PRAGMA synchronous = NORMAL')
const operations = new IndexOperations(db, settings.limits, freeBytes)
let waiting: IndexCall[] = []

port.on('message', (call: IndexCall) => {
  if (call.operation === 'sweep') return sweep(count => port.postMessage({ id: call.id, value: count }))
  if (waiting.length === 0) setImmediate(flush)
  waiting.push(call)
})
const sweepTimer = setInterval(sweep, settings.sweepIntervalMs, () => {})
sweepTimer.unref()

function flush(): void {
  const batch = waiting.slice(0, BATCH)
  waiting = waiting.slice(BATCH)
  if (waiting.length > 0) setImmediate(flush)
  const last = batch.findIndex(call => call.operation === 'close')
  const calls = last === -1 ? batch : batch.slice(0, last)
  if (calls.length > 0) reply(calls)
  if (last !== -1) close()
}

/** All together; if that fails one by one, so that a call fails by its own fault only. */
function reply(calls: readonly IndexCall[]): void {
  try {
    for (const answer of inTransaction(calls)) port.postMessage(answer)
  } catch (error) {
    const [call] = calls
    if (calls.length > 1) for (const single of calls) reply([single])
    else if (call !== undefined) port.postMessage({ id: call.id, problem: judge(error) } satisfies IndexReply)
  }
}

function inTransaction(calls: readonly IndexCall[]): IndexReply[] {
  operations.orphans = []
  db.exec('BEGIN IMMEDIATE')
  try {
    const answers = calls.map(call => ({ id: call.id, value: run(call) }))
    db.exec('COMMIT')
    for (const generation of operations.orphans) unlinkQuietly(bodyPath(folder, generation))
    return answers
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function run(call: IndexCall): unknown {
  if (call.operation === 'sweep' || call.operation === 'close') return undefined
  const operation = operations[call.operation] as (argument: unknown) => unknown
  return operation.call(operations, call.argument)
}

function judge(error: unknown): 'full' | 'failed' {
  const code = (error as { errcode?: number }).errcode ?? 0
  const primary = code & 0xff
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) markDamaged()
  return primary === SQLITE_FULL || primary === SQLITE_IOERR ? 'full' : 'failed'
}

function markDamaged(): void {
  try {
    writeFileSync(folder.damaged, '', { mode: FILE_MODE })
  } catch {
    // A disk that takes no file either: the next start finds the damage by itself or goes on with misses.
  }
}

/** Unlinks files that no entry refers to, one folder a turn, and tells how many. */
function sweep(done: (swept: number) => void): void {
  const folders = [folder.writing, ...listQuietly(folder.bodies).map(part => join(folder.bodies, part))]
  let swept = 0
  const next = (): void => {
    const path = folders.pop()
    if (path === undefined || !db.isOpen) return done(swept)
    swept += sweepFolder(path)
    setImmediate(next)
  }
  next()
}

/** Only names that this store gives, whatever else somebody has put into the folder. */
function sweepFolder(path: string): number {
  let swept = 0
  for (const name of listQuietly(path))
    if (isGeneration(name) && isOld(join(path, name)) && !isReferred(name)) swept += unlinkQuietly(join(path, name))
  return swept
}

/** Without an answer nothing is evicted for the sake of others. */
function freeBytes(): number {
  try {
    const { bavail, bsize } = statfsSync(folder.root)
    return bavail * bsize
  } catch {
    return Number.MAX_SAFE_INTEGER
  }
}

function isReferred(generation: string): boolean {
  try {
    return operations.isReferred(generation)
  } catch {
    return true
  }
}

function listQuietly(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function isOld(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs >= settings.orphanAgeMs
}

function unlinkQuietly(path: string): number {
  try {
    unlinkSync(path)
    return 1
  } catch {
    return 0
  }
}

function close(): void {
  clearInterval(sweepTimer)
  try {
    db.close()
  } finally {
    port.close()
  }
}
