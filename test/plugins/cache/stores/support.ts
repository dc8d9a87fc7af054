/** Writing, reading and opening stores for the tests, and a Redis of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type {
  ByteRange,
  CacheStore,
  CommitOutcome,
  EntryMeta,
  StoredEntry,
} from '../../../../plugins/cache/stores/index.ts'
import { freePort } from '../../../support/free-ports.ts'

export interface Teardown {
  teardown(fn: () => unknown): void
}

export const HOUR_MS = 3_600_000

export interface Written extends Partial<EntryMeta> {
  readonly variant?: string
  readonly bodyLength?: number | null
}

export function metaOf(key: string, input: Written = {}): EntryMeta {
  const now = Date.now()
  const { head = { key }, storedAtMs = now, expiresAtMs = now + HOUR_MS, url = key, route = 'wiki', tags = [] } = input
  return { head, storedAtMs, expiresAtMs, url, route, tags }
}

/** Writes a body in pieces of 50,000 bytes, with back-pressure. */
export async function put(
  store: CacheStore,
  key: string,
  body: Buffer | string,
  input: Written = {},
): Promise<CommitOutcome> {
  const bytes = Buffer.from(body)
  const writer = store.openWriter(key, input.variant ?? '', { bodyLength: input.bodyLength ?? null })
  for (let at = 0; at < bytes.length; at += 50_000) if (!(await writer.write(bytes.subarray(at, at + 50_000)))) break
  return writer.commit(metaOf(key, input))
}

/** Null = a miss. Fails when a stream breaks off. */
export async function readAll(store: CacheStore, entry: StoredEntry, range?: ByteRange): Promise<Buffer | null> {
  const body = await store.read(entry, range)
  if (body === null || Buffer.isBuffer(body)) return body
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The body of the newest variant as text, null = a miss. */
export async function textOf(store: CacheStore, key: string): Promise<string | null> {
  const entry = (await store.lookup(key))?.[0]
  return entry === undefined ? null : ((await readAll(store, entry))?.toString() ?? null)
}

export function temporaryFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-store-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Bytes that are different everywhere, the same for the same seed. */
export function bytesOf(length: number, seed = 1): Buffer {
  const body = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    body[at] = state >> 16
  }
  return body
}

/** Skip option of a test that needs Redis: false, or the line that installs it. */
export const withoutRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not in PATH; install it: apt-get install redis-server'

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly process: ChildProcess
  /** Ends it by SIGKILL. */
  stop(): Promise<void>
}

/** A node of a Cluster listens on a second port that nobody has looked at: where that is taken it ends at once. */
const MOST_STARTS = 5

/** Starts a server that keeps nothing on disk and waits until it answers. */
export async function startRedis(t: Teardown, args: readonly string[] = [], wantedPort?: number): Promise<RedisServer> {
  for (let starts = 1; ; starts++) {
    const server = await startOnce(t, args, wantedPort ?? (await freePort()))
    if (server !== null) return server
    if (starts === MOST_STARTS || wantedPort !== undefined) throw new Error('redis-server ends at its start')
  }
}

/** Null where it ended. */
async function startOnce(t: Teardown, args: readonly string[], port: number): Promise<RedisServer | null> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-redis-'))
  const common = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', [...common, ...args], { stdio: 'ignore' })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.teardown(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const isUp = await Promise.race([answersPing(port), once(child, 'exit').then(() => false)])
  return isUp ? { port, url: `redis://127.0.0.1:${port}/6`, process: child, stop } : null
}

async function answersPing(port: number): Promise<boolean> {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: 200 })
  client.on('error', () => {})
  try {
    await client.ping()
    return true
  } catch {
    return false
  } finally {
    // One that goes on trying would keep the process of the test from ending.
    client.disconnect()
  }
}

/** Waits until it is so; fails after the time. */
export async function until(condition: () => boolean | Promise<boolean>, timeMs: number): Promise<void> {
  const end = performance.now() + timeMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so after ${timeMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
