/**
 * One hour of one route, small enough to be kept for a week and to be written to a file: sums, and histograms as their
 * filled buckets only. Cells of several spans or processes add up exactly. Pure.
 */
import { LogHistogram, type SparseHistogram } from '../window/log-histogram.ts'
import { Tally, tallyNumbers, verdictNames } from '../window/tally.ts'

export const HOUR_MS = 3_600_000

type Sums = { readonly [name in (typeof tallyNumbers)[number]]: number }

export interface HourCell {
  readonly route: string
  /** Hours since 1970. */
  readonly hour: number
  readonly sums: Sums
  readonly verdicts: Tally['verdicts']
  readonly ms: SparseHistogram
  readonly firstByteMs: SparseHistogram
}

/** Further totals of an hour by name, of all routes. */
export interface HourEvents {
  readonly hour: number
  readonly counts: Readonly<Record<string, number>>
}

/** What is kept, oldest first. */
export interface HourBook {
  readonly cells: readonly HourCell[]
  readonly events: readonly HourEvents[]
}

export function cellOf(route: string, hour: number, tally: Tally): HourCell {
  return {
    ...{ route, hour },
    sums: Object.fromEntries(tallyNumbers.map(name => [name, tally[name]])) as Sums,
    verdicts: { ...tally.verdicts },
    ms: tally.ms.sparse(),
    firstByteMs: tally.firstByteMs.sparse(),
  }
}

/** Adds what a cell holds; sizes of single answers are not kept for so long. */
export function addCell(into: Tally, { sums, verdicts, ms, firstByteMs }: HourCell): void {
  for (const name of tallyNumbers) into[name] += sums[name]
  for (const name of verdictNames) into.verdicts[name] += verdicts[name]
  into.ms.addSparse(ms)
  into.firstByteMs.addSparse(firstByteMs)
}

/** Several books as one, such as those of several processes: one cell a route and hour. */
export function mergeBooks(books: readonly HourBook[]): HourBook {
  const cells = Map.groupBy(
    books.flatMap(book => book.cells),
    ({ route, hour }) => `${hour} ${route}`,
  )
  const events = Map.groupBy(
    books.flatMap(book => book.events),
    ({ hour }) => hour,
  )
  return {
    cells: Array.from(cells.values(), mergeCells).toSorted((a, b) => a.hour - b.hour),
    events: Array.from(events, ([hour, all]) => ({ hour, counts: sumCounts(all) })).toSorted((a, b) => a.hour - b.hour),
  }
}

function mergeCells(same: readonly HourCell[]): HourCell {
  const [first] = same as [HourCell, ...HourCell[]]
  if (same.length === 1) return first
  const tally = new Tally()
  for (const cell of same) addCell(tally, cell)
  return cellOf(first.route, first.hour, tally)
}

/** Totals by name over some hours. */
export function sumCounts(all: readonly HourEvents[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { counts } of all) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
  }
  return sums
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0
const haveCounts = (value: unknown, names: readonly string[]): boolean =>
  isObject(value) && names.every(name => isCount(value[name]))

/** Whether something out of a file is what `cellOf` makes. */
export function isHourCell(value: unknown): value is HourCell {
  if (!isObject(value) || typeof value['route'] !== 'string' || !isCount(value['hour'])) return false
  // What encoding saved may be less than nothing; it is told by the two sizes, which cannot be.
  if (!haveCounts(value['sums'], tallyNumbers) || !haveCounts(value['verdicts'], verdictNames)) return false
  return LogHistogram.isSparse(value['ms']) && LogHistogram.isSparse(value['firstByteMs'])
}

export function isHourEvents(value: unknown): value is HourEvents {
  if (!isObject(value) || !isCount(value['hour']) || !isObject(value['counts'])) return false
  return Object.values(value['counts']).every(isCount)
}
