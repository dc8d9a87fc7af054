/**
 * The last seven days by the hour, for answers that reach further back than the analyses do. The running hour is added up
 * in full histograms; an hour that is over is kept as cells. It costs a request nothing: whole spans of the window of each
 * route are added when they are over.
 */
import { Tally } from '../window/tally.ts'
import { addCell, cellOf, HOUR_MS, type HourBook, type HourCell, type HourEvents } from './cell.ts'

/** Hours that are kept. */
export const MAX_HOURS = 7 * 24
/** Cells that are kept: 97 routes in every hour of a week. A busier gateway loses its oldest hours first. */
export const MAX_CELLS = 16_384

export class Hours {
  /** Of hours that are over, oldest first. */
  #cells: HourCell[] = []
  #events: HourEvents[] = []
  #hour = -1
  readonly #running = new Map<string, Tally>()
  #runningCounts: Record<string, number> = {}
  /** Totals when they were read last. */
  #lastTotals: Readonly<Record<string, number>> = {}

  /** Takes over what was kept before a restart, once; the running hour of it goes on. */
  restore({ cells, events }: HourBook, nowMs: number): void {
    this.#enter(hourOf(nowMs))
    this.#cells = cells.filter(({ hour }) => hour < this.#hour)
    this.#events = events.filter(({ hour }) => hour < this.#hour)
    for (const cell of cells) if (cell.hour === this.#hour) addCell(this.#tallyOf(cell.route), cell)
    for (const { hour, counts } of events) if (hour === this.#hour) this.#runningCounts = { ...counts }
    this.#trim()
  }

  /** Adds a span that is over. True = an hour has ended with it. */
  add(route: string, span: Tally, atMs: number): boolean {
    const hasEnded = this.#enter(hourOf(atMs))
    this.#tallyOf(route).add(span)
    return hasEnded
  }

  /** Adds what totals that only grow have grown by since the last call. */
  count(totals: Readonly<Record<string, number>>, atMs: number): boolean {
    const hasEnded = this.#enter(hourOf(atMs))
    for (const [name, total] of Object.entries(totals)) {
      const grown = total - (this.#lastTotals[name] ?? 0)
      if (grown > 0) this.#runningCounts[name] = (this.#runningCounts[name] ?? 0) + grown
    }
    this.#lastTotals = totals
    return hasEnded
  }

  /** The hours that end after `fromMs`, the running one included. */
  book(fromMs = 0): HourBook {
    const isWanted = ({ hour }: { readonly hour: number }) => (hour + 1) * HOUR_MS > fromMs
    const { cells, events } = this.#close()
    return {
      cells: [...this.#cells, ...cells].filter(isWanted),
      events: [...this.#events, ...events].filter(isWanted),
    }
  }

  /** A clock that is set back adds to the hour that runs. */
  #enter(hour: number): boolean {
    if (hour <= this.#hour) return false
    const { cells, events } = this.#close()
    this.#cells.push(...cells)
    this.#events.push(...events)
    this.#running.clear()
    this.#runningCounts = {}
    const hadBegun = this.#hour >= 0
    this.#hour = hour
    this.#trim()
    return hadBegun
  }

  #close(): HourBook {
    const cells = Array.from(this.#running, ([route, tally]) => cellOf(route, this.#hour, tally))
    const hasCounts = Object.keys(this.#runningCounts).length > 0
    return { cells, events: hasCounts ? [{ hour: this.#hour, counts: { ...this.#runningCounts } }] : [] }
  }

  #tallyOf(route: string): Tally {
    const known = this.#running.get(route)
    if (known !== undefined) return known
    const tally = new Tally()
    this.#running.set(route, tally)
    return tally
  }

  #trim(): void {
    const oldest = this.#hour - MAX_HOURS
    this.#cells = this.#cells.filter(({ hour }) => hour > oldest).slice(-MAX_CELLS)
    this.#events = this.#events.filter(({ hour }) => hour > oldest)
  }
}

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS)
