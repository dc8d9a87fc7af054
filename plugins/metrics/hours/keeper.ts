/**
 * Keeps the hours across restarts where there is a folder for them: read once at the start, written when an hour has ended
 * and at the end. A fault of the file system costs the history, never a request.
 */
import type { Tally } from '../window/tally.ts'
import { cellOf, HOUR_MS, type HourBook, mergeBooks } from './cell.ts'
import { readHours, writeHours } from './file.ts'
import { Hours } from './hours.ts'

export interface HourKeeperParts {
  /** Null = kept in memory alone. */
  readonly folder: string | null
  /** Of the file in it. */
  readonly file: string
  readonly warn: (problem: string) => void
  /** Totals of all routes that are kept by the hour as well. */
  readonly totals: () => Readonly<Record<string, number>>
  /** What each route did since its last whole span. */
  readonly running: () => Iterable<readonly [string, Tally]>
}

export class HourKeeper {
  readonly #parts: HourKeeperParts
  readonly #hours = new Hours()
  /** An hour has ended that is not in the file. */
  #isDue = false

  constructor(parts: HourKeeperParts, nowMs: number) {
    this.#parts = parts
    const { folder, file, warn } = parts
    if (folder === null) return
    const { book, problem } = readHours(folder, file)
    if (problem !== null) warn(`the hours before this start are not known any more: ${problem}`)
    if (book !== null) this.#hours.restore(book, nowMs)
  }

  /** A span of a route is over. */
  add(route: string, span: Tally, atMs: number): void {
    this.#isDue = this.#hours.add(route, span, atMs) || this.#isDue
  }

  /** Brings totals up to date, and the file where an hour has ended. */
  tick(nowMs: number): void {
    this.#isDue = this.#hours.count(this.#parts.totals(), nowMs) || this.#isDue
    if (this.#isDue) this.#write(this.#hours.book())
  }

  /** The hours that end after `fromMs`, with what runs now. */
  book(fromMs: number, nowMs: number): HourBook {
    this.tick(nowMs)
    const hour = Math.floor(nowMs / HOUR_MS)
    const running = Array.from(this.#parts.running(), ([route, tally]) => cellOf(route, hour, tally))
    return mergeBooks([this.#hours.book(fromMs), { cells: running, events: [] }])
  }

  close(nowMs: number): void {
    this.#write(this.book(0, nowMs))
  }

  #write(book: HourBook): void {
    this.#isDue = false
    const { folder, file, warn } = this.#parts
    if (folder === null || book.cells.length === 0) return
    try {
      writeHours(folder, file, book)
    } catch (error) {
      warn(`the hours could not be written: ${(error as Error).message}`)
    }
  }
}
