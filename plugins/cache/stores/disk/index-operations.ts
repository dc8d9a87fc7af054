/**
 * What the index thread does in its transactions. Each operation answers what the caller wants to know and the names of
 * bodies that nothing refers to any more; those are unlinked after the transaction, so that a crash in between leaves
 * orphans and never a reference to nothing.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ENTRY_OVERHEAD_BYTES, MAX_PURGE_LOG } from '../bounds.ts'
import { isSelected } from '../purge-log.ts'
import type { PurgeSelector } from '../types.ts'
import { type EntryRow, hashName } from './rows.ts'

/** Files take whole blocks. */
const BLOCK_BYTES = 4096
/** After an eviction the store is this full, so that not every commit evicts. */
const EVICT_TO = 0.95
/** Most rows that one transaction evicts; the next commits go on. */
const EVICT_BATCH = 256

export interface CommitCall {
  readonly row: EntryRow
  /** Number of the newest purge when the writer was opened. */
  readonly openedAt: number
  readonly nowMs: number
}

export interface UpdateCall {
  readonly key: string
  readonly variant: string
  readonly generation: string
  readonly head: string
  readonly storedAtMs: number
  readonly expiresAtMs: number
}

export interface LockCall {
  readonly key: string
  readonly token: string
  readonly nowMs: number
  readonly untilMs: number
}

export interface IndexLimits {
  readonly maxBytes: number
  readonly maxVariants: number
  /** Room that is left to others on the same disk: the cache shrinks when somebody else fills it. */
  readonly reserveBytes: number
}

/** Free bytes of the disk now. */
export type FreeBytes = () => number

interface Named {
  readonly id: number
  readonly generation: string
}

/** Every operation by name; they run inside a transaction that the caller has begun. */
export class IndexOperations {
  readonly #db: DatabaseSync
  readonly #limits: IndexLimits
  readonly #freeBytes: FreeBytes
  readonly #statements = new Map<string, StatementSync>()
  /** Bodies to unlink when the transaction has been committed. */
  orphans: string[] = []

  constructor(db: DatabaseSync, limits: IndexLimits, freeBytes: FreeBytes) {
    this.#db = db
    this.#limits = limits
    this.#freeBytes = freeBytes
  }

  commit({ row, openedAt, nowMs }: CommitCall): { stored: boolean; evicted: number } {
    if (this.#hasPurged(row, openedAt)) return { stored: false, evicted: 0 }
    const names = [hashName(row.key), hashName(row.variant)]
    this.#remove(this.#named('key_hash = ? AND variant_hash = ?', names))
    this.#insert(row, names, nowMs)
    const surplus = 'key_hash = ? ORDER BY stored_at DESC, id DESC LIMIT -1 OFFSET ?'
    const evicted = this.#remove(this.#named(surplus, [names[0] as Buffer, this.#limits.maxVariants]))
    return { stored: true, evicted: evicted + this.#evict(nowMs) }
  }

  update(call: UpdateCall): boolean {
    const changed = this.#prepare(
      `UPDATE entries SET head = ?, stored_at = ?, expires_at = ?
       WHERE key_hash = ? AND variant_hash = ? AND generation = ?`,
    ).run(
      call.head,
      call.storedAtMs,
      call.expiresAtMs,
      hashName(call.key),
      hashName(call.variant),
      call.generation,
    ).changes
    return changed === 1
  }

  purge(selector: PurgeSelector): number {
    const sequence = this.#prepare('UPDATE totals SET purge_sequence = purge_sequence + 1 RETURNING purge_sequence')
    const { purge_sequence: number } = sequence.get() as { purge_sequence: number }
    this.#prepare('INSERT INTO purges VALUES (?, ?)').run(number, JSON.stringify(selector))
    this.#prepare('DELETE FROM purges WHERE sequence <= ?').run(number - MAX_PURGE_LOG)
    return this.#remove(this.#selected(selector))
  }

  /** Forgets entries whose body turned out to be missing or damaged. */
  forget(generation: string): number {
    return this.#remove(this.#named('generation = ?', [generation]))
  }

  /** The body has been read and found whole in this run of the machine. */
  verified({ generation, boot }: { generation: string; boot: string }): void {
    this.#prepare('UPDATE entries SET boot = ? WHERE generation = ?').run(boot, generation)
  }

  touch({ generations, nowMs }: { generations: readonly string[]; nowMs: number }): void {
    const used = this.#prepare('UPDATE entries SET used_at = ? WHERE generation = ?')
    for (const generation of generations) used.run(nowMs, generation)
  }

  lock({ key, token, nowMs, untilMs }: LockCall): boolean {
    this.#prepare('DELETE FROM locks WHERE until <= ?').run(nowMs)
    const taken = this.#prepare('INSERT INTO locks VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    return taken.run(hashName(key), token, untilMs).changes === 1
  }

  unlock({ key, token }: { key: string; token: string }): void {
    this.#prepare('DELETE FROM locks WHERE key_hash = ? AND token = ?').run(hashName(key), token)
  }

  /** Whether any entry refers to the body. */
  isReferred(generation: string): boolean {
    return this.#prepare('SELECT 1 FROM entries WHERE generation = ?').get(generation) !== undefined
  }

  #insert(row: EntryRow, names: readonly Buffer[], nowMs: number): void {
    const bytes = Math.ceil(row.body_length / BLOCK_BYTES) * BLOCK_BYTES + row.head.length + ENTRY_OVERHEAD_BYTES
    const { lastInsertRowid: id } = this.#prepare(
      `INSERT INTO entries (key_hash, variant_hash, key, variant, head, url, route, tags, generation, body_length,
         checksum, boot, stored_at, expires_at, used_at, bytes)
       VALUES (?, ?, :key, :variant, :head, :url, :route, :tags, :generation, :body_length, :checksum, :boot,
         :stored_at, :expires_at, :used_at, :bytes)`,
    ).run({ ...row, used_at: nowMs, bytes }, ...names)
    const tag = this.#prepare('INSERT OR IGNORE INTO tags VALUES (?, ?)')
    for (const text of JSON.parse(row.tags) as string[]) tag.run(text, id)
  }

  #hasPurged(row: EntryRow, openedAt: number): boolean {
    const { purge_sequence: now } = this.#prepare('SELECT purge_sequence FROM totals').get() as {
      purge_sequence: number
    }
    if (now === openedAt) return false
    if (now < openedAt || now - openedAt > MAX_PURGE_LOG) return true
    const entry = { ...row, tags: JSON.parse(row.tags) as string[] }
    const since = this.#prepare('SELECT selector FROM purges WHERE sequence > ?').all(openedAt)
    return since.some(({ selector }) => isSelected(entry, JSON.parse(selector as string) as PurgeSelector))
  }

  #selected(selector: PurgeSelector): Named[] {
    switch (selector.by) {
      case 'all':
        return this.#named('true', [])
      case 'url':
        return this.#named('url = ?', [selector.value])
      case 'route':
        return this.#named('route = ?', [selector.value])
      case 'tag':
        return this.#named('id IN (SELECT entry FROM tags WHERE tag = ?)', [selector.value])
      case 'prefix':
        return this.#named('url >= ? AND substr(url, 1, length(?)) = ?', Array(3).fill(selector.value))
      case 'key':
        return selector.variant === undefined
          ? this.#named('key_hash = ?', [hashName(selector.value)])
          : this.#named('key_hash = ? AND variant_hash = ?', [hashName(selector.value), hashName(selector.variant)])
    }
  }

  #evict(nowMs: number): number {
    const limit = Math.min(this.#limits.maxBytes, this.#bytes() + this.#freeBytes() - this.#limits.reserveBytes)
    if (this.#bytes() <= limit) return 0
    this.#remove(this.#named('expires_at <= ? LIMIT ?', [nowMs, EVICT_BATCH]))
    let left = this.#bytes()
    let evicted = 0
    const oldest = this.#prepare('SELECT id, generation, bytes FROM entries ORDER BY used_at, id LIMIT ?')
    for (const row of oldest.all(EVICT_BATCH) as unknown as (Named & { bytes: number })[]) {
      if (left <= limit * EVICT_TO) break
      evicted += this.#remove([row])
      left -= row.bytes
    }
    return evicted
  }

  #bytes(): number {
    return (this.#prepare('SELECT bytes FROM totals').get() as { bytes: number }).bytes
  }

  #named(where: string, values: readonly (string | number | Buffer)[]): Named[] {
    return this.#prepare(`SELECT id, generation FROM entries WHERE ${where}`).all(...values) as unknown as Named[]
  }

  #remove(rows: readonly Named[]): number {
    const remove = this.#prepare('DELETE FROM entries WHERE id = ?')
    for (const { id, generation } of rows) {
      remove.run(id)
      this.orphans.push(generation)
    }
    return rows.length
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
