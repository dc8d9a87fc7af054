/**
 * The index as the request path sees it: lookups at once over a connection that only reads (WAL readers wait for
 * nobody), changes through the index thread. Opens the files, and begins afresh where they are damaged.
 */
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { extname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { FILE_MODE, makeFolders, type StoreFolder } from './folder.ts'
import type { CommitCall, LockCall, UpdateCall } from './index-operations.ts'
import type { IndexCall, IndexReply, OperationName, ThreadSettings } from './index-thread.ts'
import { type DiskEntry, type EntryRow, hashName, toEntry } from './rows.ts'
import { BUSY_TIMEOUT_MS, prepareIndex } from './schema.ts'

/** Most calls that wait for the thread; one more fails at once. */
export const MAX_WAITING_CALLS = 4096
/** How long a lookup may wait for another process: only during the recovery of the log after a crash. */
const LOOKUP_TIMEOUT_MS = 50
/** Switching to WAL fails at once while another process starts, whatever the timeout. */
const OPEN_ATTEMPTS = 50
const OPEN_PAUSE_MS = 20
const RESTART_PAUSE_MS = 1_000
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** A call that the thread could not carry out. */
export class IndexError extends Error {
  readonly problem: 'full' | 'failed' | 'busy'
  constructor(problem: 'full' | 'failed' | 'busy') {
    super(`the index of the cache: ${problem}`)
    this.name = 'IndexError'
    this.problem = problem
  }
}

/** What each operation takes and answers. */
export interface IndexCalls {
  commit: { argument: CommitCall; value: { stored: boolean; evicted: number } }
  update: { argument: UpdateCall; value: boolean }
  purge: { argument: unknown; value: number }
  forget: { argument: string; value: number }
  verified: { argument: { generation: string; boot: string }; value: undefined }
  touch: { argument: { generations: readonly string[]; nowMs: number }; value: undefined }
  lock: { argument: LockCall; value: boolean }
  unlock: { argument: { key: string; token: string }; value: undefined }
  sweep: { argument: null; value: number }
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: IndexError): void
}

export class IndexClient {
  readonly #settings: ThreadSettings
  readonly #reader: DatabaseSync
  readonly #lookup: StatementSync
  readonly #totals: StatementSync
  readonly #version: StatementSync
  readonly #waiting = new Map<number, Waiting>()
  #thread: Worker | null = null
  #nextId = 1
  #closing = false

  constructor(settings: ThreadSettings, index: string) {
    this.#settings = settings
    this.#reader = new DatabaseSync(index, { readOnly: true, timeout: LOOKUP_TIMEOUT_MS })
    this.#lookup = this.#reader.prepare('SELECT * FROM entries WHERE key_hash = ? ORDER BY stored_at DESC, id DESC')
    this.#totals = this.#reader.prepare('SELECT entries, bytes, purge_sequence FROM totals')
    this.#version = this.#reader.prepare('PRAGMA data_version')
    this.#startThread()
  }

  /** False while the thread is being started again: then nothing may be served, since nothing could be purged. */
  get available(): boolean {
    return this.#thread !== null
  }

  /** All entries of a key, newest first, also expired ones. @throws the errors of SQLite */
  lookup(key: string): DiskEntry[] {
    const rows = this.#lookup.all(hashName(key)) as unknown as EntryRow[]
    return rows.filter(row => row.key === key).map(toEntry)
  }

  /** @throws the errors of SQLite */
  totals(): { entries: number; bytes: number; purge_sequence: number } {
    return this.#totals.get() as { entries: number; bytes: number; purge_sequence: number }
  }

  /** A number that changes whenever any process has changed the index. @throws the errors of SQLite */
  version(): number {
    return (this.#version.get() as { data_version: number }).data_version
  }

  /** @throws IndexError (rejects) */
  call<Name extends keyof IndexCalls>(
    operation: Name,
    argument: IndexCalls[Name]['argument'],
  ): Promise<IndexCalls[Name]['value']> {
    if (this.#waiting.size >= MAX_WAITING_CALLS) return Promise.reject(new IndexError('busy'))
    const thread = this.#thread
    if (thread === null || this.#closing) return Promise.reject(new IndexError('failed'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      thread.postMessage({ id, operation: operation as OperationName | 'sweep', argument } satisfies IndexCall)
    })
  }

  /** Waits for the calls that were made before. */
  async close(): Promise<void> {
    this.#closing = true
    const thread = this.#thread
    if (thread !== null) {
      const ended = new Promise(resolve => thread.once('exit', resolve))
      thread.ref()
      thread.postMessage({ id: 0, operation: 'close', argument: null } satisfies IndexCall)
      await ended
    }
    if (this.#reader.isOpen) this.#reader.close()
  }

  #startThread(): void {
    const here = fileURLToPath(import.meta.url)
    const thread = new Worker(new URL(`./index-thread${extname(here)}`, import.meta.url), {
      workerData: this.#settings,
      name: 'hearthgate-cache-index',
    })
    thread.unref()
    thread.on('message', (reply: IndexReply) => this.#settle(reply))
    thread.on('error', () => {})
    thread.on('exit', () => this.#lose())
    this.#thread = thread
  }

  #settle(reply: IndexReply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.problem === undefined) waiting?.resolve(reply.value)
    else waiting?.reject(new IndexError(reply.problem))
  }

  #lose(): void {
    this.#thread = null
    for (const waiting of this.#waiting.values()) waiting.reject(new IndexError('failed'))
    this.#waiting.clear()
    if (!this.#closing) setTimeout(() => this.#closing || this.#startThread(), RESTART_PAUSE_MS).unref()
  }
}

/**
 * Makes the folders and the tables. A damaged index is thrown away with its bodies.
 * @throws the errors of the file system and of SQLite
 */
export async function prepareFolder(folder: StoreFolder): Promise<void> {
  if (existsSync(folder.damaged)) beginAfresh(folder)
  makeFolders(folder)
  try {
    await prepareWithPatience(folder)
  } catch (error) {
    if (!isDamage(error)) throw error
    beginAfresh(folder)
    makeFolders(folder)
    await prepareWithPatience(folder)
  }
}

async function prepareWithPatience(folder: StoreFolder): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return prepareOnce(folder)
    } catch (error) {
      if (attempt === OPEN_ATTEMPTS || isDamage(error) || !isSqlite(error)) throw error
    }
    await wait(OPEN_PAUSE_MS)
  }
}

function prepareOnce(folder: StoreFolder): void {
  // SQLite gives its other files the mode of this one.
  closeSync(openSync(folder.index, 'a', FILE_MODE))
  const db = new DatabaseSync(folder.index, { timeout: BUSY_TIMEOUT_MS })
  try {
    prepareIndex(db)
  } finally {
    db.close()
  }
}

function beginAfresh(folder: StoreFolder): void {
  for (const path of [folder.index, `${folder.index}-wal`, `${folder.index}-shm`, folder.damaged])
    rmSync(path, { force: true })
  rmSync(folder.bodies, { recursive: true, force: true })
  rmSync(folder.writing, { recursive: true, force: true })
}

function isSqlite(error: unknown): boolean {
  return (error as { errcode?: number }).errcode !== undefined
}

function isDamage(error: unknown): boolean {
  const primary = ((error as { errcode?: number }).errcode ?? 0) & 0xff
  return primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB
}
