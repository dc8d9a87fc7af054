/**
 * Everybody who waits for one fill: who gets the answer that comes, who is served by what is stored, who has to look
 * elsewhere, and how fast the origin may send for all of them.
 */
import { tooSlow } from '../errors.ts'
import type { CachedHead } from '../passage.ts'
import { isGuessForCookie, type OriginFailure } from '../rules/reuse.ts'
import { matchesVary } from '../rules/vary.ts'
import type { Outcome } from '../signals.ts'
import type { OriginHead } from './attempt.ts'
import { FILL_WINDOW_BYTES, type FillBody } from './fill-body.ts'
import type { FillReader } from './fill-reader.ts'
import type { FillSurroundings, ForwardNotes, StoredWithHead } from './fill-surroundings.ts'

/** How long somebody may take nothing while others wait for it. */
const MOST_STALL_MS = 5_000

export class Audience {
  readonly #around: FillSurroundings
  readonly #readers = new Set<FillReader>()

  constructor(around: FillSurroundings) {
    this.#around = around
  }

  get size(): number {
    return this.#readers.size
  }

  add(reader: FillReader): void {
    this.#readers.add(reader)
  }

  remove(reader: FillReader): void {
    this.#readers.delete(reader)
  }

  /** Those who have no head yet; the set may change meanwhile. */
  *waiting(): Iterable<FillReader> {
    for (const reader of [...this.#readers]) if (!reader.hasBegun && this.#readers.has(reader)) yield reader
  }

  get leader(): FillReader | null {
    for (const reader of this.#readers) if (reader.isLeader) return reader
    return null
  }

  /** A reader that this fill cannot serve looks for its own answer. */
  dismiss(reader: FillReader): void {
    this.#readers.delete(reader)
    this.#around.retry(reader)
  }

  dismissAllButLeader(): void {
    for (const reader of [...this.#readers]) if (!reader.isLeader) this.dismiss(reader)
  }

  hasOverdue(nowMs: number, mostMs: number): boolean {
    for (const { isLeader, waitsSinceMs } of this.#readers) if (!isLeader && nowMs - waitsSinceMs > mostMs) return true
    return false
  }

  /** Those who have waited too long for the head go on their own. */
  dismissOverdue(nowMs: number, mostMs: number): void {
    for (const reader of this.waiting()) {
      if (!reader.isLeader && nowMs - reader.waitsSinceMs > mostMs) this.dismiss(reader)
    }
  }

  interim({ status, rawHeaders }: OriginHead): void {
    this.leader?.interim(status, rawHeaders)
  }

  fail(error: Error): void {
    for (const reader of [...this.#readers]) reader.fail(error)
    this.#readers.clear()
  }

  /** Serves a reader from the store, with `leaderFields` only where its request is the one that went to the origin. */
  serve(reader: FillReader, stored: StoredWithHead, as: ServedAs): void {
    this.#readers.delete(reader)
    this.#around.count.outcome(reader.passage, as.outcome)
    const status = this.#around.status(reader, as.notes)
    this.#around.serve(reader, stored, reader.isLeader ? [...as.leaderFields, ...status] : status)
  }

  /** Serves those whose requests select what is stored; the others look for their own answer. */
  serveWaiting(stored: StoredWithHead, as: ServedAs): void {
    for (const reader of this.waiting()) {
      const { request, facts } = reader.passage
      const isTheirs = reader.isLeader || !isGuessForCookie(stored.head, facts)
      if (isTheirs && matchesVary(stored.head, request)) this.serve(reader, stored, as)
      else this.dismiss(reader)
    }
  }

  /** Serves those for whom a stale answer is better than this failure (RFC 5861 §4). */
  standIn(failure: OriginFailure): void {
    for (const reader of this.waiting()) {
      const { stored } = reader.passage
      if (stored === null || !this.hasStandIn(reader, failure)) continue
      const forwardStatus = typeof failure === 'number' ? failure : null
      const notes = { forwardStatus, detail: 'stale-if-error' }
      const head = stored.head as unknown as CachedHead
      this.serve(reader, { entry: stored, head }, { outcome: 'stale-if-error', notes, leaderFields: [] })
    }
  }

  hasStandIn(reader: FillReader, failure: OriginFailure): boolean {
    return !reader.hasBegun && this.#around.mayStandIn(reader.passage, failure)
  }

  /** Whether every one of them could be served by what is stored. */
  haveAllStandIns(failure: OriginFailure): boolean {
    for (const reader of this.#readers) if (!this.hasStandIn(reader, failure)) return false
    return this.#readers.size > 0
  }

  giveTrailers(trailers: string[] | null): void {
    const { leader } = this
    if (leader !== null) leader.rawTrailers = trailers
  }

  /** Gives everybody what has arrived. */
  pump(body: FillBody): void {
    for (const reader of [...this.#readers]) reader.pump(body)
    this.forgetRead(body)
  }

  /** Lets go of what all are past. */
  forgetRead(body: FillBody): void {
    if (body.isWhole) return
    let slowest = Number.MAX_SAFE_INTEGER
    for (const reader of this.#readers) slowest = Math.min(slowest, reader.hasBegun ? reader.chunkIndex : 0)
    body.dropBefore(slowest)
  }

  /** The pace of the fastest, while what the slowest lags behind fits the window. */
  mustOriginWait(body: FillBody): boolean {
    if (this.#readers.size === 0) return false
    if (!body.isWhole && body.total - this.#slowest(body) > FILL_WINDOW_BYTES) return true
    for (const { paused } of this.#readers) if (!paused) return false
    return true
  }

  #slowest(body: FillBody): number {
    let slowest = body.total
    for (const { position } of this.#readers) if (position < slowest) slowest = position
    return slowest
  }

  /** A client that stands still does not hold up others for ever: its answer is visibly cut. */
  breakOffStalled(body: FillBody, nowMs: number): void {
    if (body.isWhole || this.#readers.size < 2) return
    for (const reader of [...this.#readers]) {
      const lags = body.total - reader.position > FILL_WINDOW_BYTES / 2 && reader.paused
      if (!lags || reader.position !== reader.lagPosition) {
        reader.lagPosition = reader.position
        reader.lagsSinceMs = nowMs
      } else if (nowMs - reader.lagsSinceMs > MOST_STALL_MS) this.#breakOff(reader)
    }
  }

  #breakOff(reader: FillReader): void {
    reader.fail(tooSlow())
    reader.fill?.readerLeft(reader, false)
  }
}

export interface ServedAs {
  readonly outcome: Outcome
  readonly notes: ForwardNotes
  readonly leaderFields: readonly string[]
}

/** What the origin has confirmed, or, where nobody had to ask it, another gateway has stored. */
export function confirmedAs(wasAsked: boolean, leaderFields: readonly string[] = []): ServedAs {
  return {
    outcome: wasAsked ? 'revalidated' : 'coalesced',
    notes: wasAsked ? { forwardStatus: 304 } : {},
    leaderFields,
  }
}
