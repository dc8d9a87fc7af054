/**
 * The hours across restarts, in one JSON file: written whole beside the old one and then put in its place.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HourBook, isHourCell, isHourEvents } from './cell.ts'
import { MAX_CELLS, MAX_HOURS } from './hours.ts'

const VERSION = 1
/** A full book is a third of it. */
const MAX_BYTES = 32 * 1024 ** 2

/** Null = there is nothing to go on from; `problem` where that is because of a fault. */
export interface HoursReading {
  readonly book: HourBook | null
  readonly problem: string | null
}

/** Never throws: a file that is broken or of another version is told and left out. */
export function readHours(folder: string, name: string): HoursReading {
  const path = join(folder, name)
  try {
    if (statSync(path).size > MAX_BYTES) return { book: null, problem: `${path} is too large` }
    return parseHours(readFileSync(path, 'utf8'), path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { book: null, problem: code === 'ENOENT' ? null : `${path}: ${message}` }
  }
}

/** Whole or not at all: half of a book would be told as if it were the whole. */
function parseHours(text: string, path: string): HoursReading {
  const read: unknown = JSON.parse(text)
  const { version, cells, events } = (read ?? {}) as Record<string, unknown>
  if (version !== VERSION) return { book: null, problem: `${path} is of version ${String(version)}, not ${VERSION}` }
  const isWhole = Array.isArray(cells) && Array.isArray(events) && cells.every(isHourCell) && events.every(isHourEvents)
  if (!isWhole) return { book: null, problem: `${path} holds something else` }
  return { book: { cells: cells.slice(-MAX_CELLS), events: events.slice(-MAX_HOURS) }, problem: null }
}

/** @throws the error of the file system */
export function writeHours(folder: string, name: string, book: HourBook): void {
  const path = join(folder, name)
  const temporary = `${path}.${process.pid}.new`
  mkdirSync(folder, { recursive: true })
  try {
    writeFileSync(temporary, `${JSON.stringify({ version: VERSION, ...book })}\n`, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
