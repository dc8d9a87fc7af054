/** The hours of a week: nothing counted twice, bounded, merged exactly, and there again after a restart. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cellOf, HOUR_MS, type HourBook, mergeBooks } from '../../../plugins/metrics/hours/cell.ts'
import { readHours, writeHours } from '../../../plugins/metrics/hours/file.ts'
import { Hours, MAX_CELLS, MAX_HOURS } from '../../../plugins/metrics/hours/hours.ts'
import { HourKeeper } from '../../../plugins/metrics/hours/keeper.ts'
import { LogHistogram } from '../../../plugins/metrics/window/log-histogram.ts'
import { Tally } from '../../../plugins/metrics/window/tally.ts'
import { SPANS, Window } from '../../../plugins/metrics/window/window.ts'
import { folderOf } from '../../support/folder.ts'
import { recordOf } from './support.ts'

const tallyOf = (count: number, changes: Parameters<typeof recordOf>[0] = {}): Tally => {
  const tally = new Tally()
  for (let i = 0; i < count; i++) tally.record(recordOf(changes))
  return tally
}

const counts = ({ cells }: HourBook) => cells.map(({ route, hour, sums }) => [route, hour, sums.count])

t.test('a histogram written by its filled buckets is the same again, and two of them add up', async t => {
  const values = [0.001, 0.5, 3, 3.1, 80, 12_000, 1e12]
  const all = new LogHistogram(0.01)
  const halves = [new LogHistogram(0.01), new LogHistogram(0.01)] as const
  values.forEach((value, i) => {
    all.record(value)
    halves[i % 2 === 0 ? 0 : 1].record(value)
  })
  const joined = new LogHistogram(0.01)
  for (const half of halves) joined.addSparse(JSON.parse(JSON.stringify(half.sparse())))
  t.match(joined, { count: all.count, max: all.max })
  t.ok(Math.abs(joined.sum - all.sum) < 1e-3)
  for (const share of [0.1, 0.5, 0.95, 1]) t.equal(joined.percentile(share), all.percentile(share), String(share))
})

t.test('each span of a window is told once, when it is over', async t => {
  const told: [number, number][] = []
  const window = new Window(1000, ({ count }, beganMs) => void told.push([count, beganMs]))
  const spanMs = 1000 / (SPANS - 1)
  for (const endedMs of [0, 10, 99, 100, 350]) window.record(recordOf({ endedMs }))
  t.strictSame(told, [
    [3, 0],
    [1, spanMs],
  ])
  t.equal(window.running?.count, 1)
  window.advance(50_000)
  window.advance(60_000)
  t.strictSame(told.at(-1), [1, 3 * spanMs])
  t.equal(told.length, 3)
  t.equal(window.running, null)
})

t.test('spans are added up by the hour and the route; a clock set back adds to the hour that runs', async t => {
  const hours = new Hours()
  t.equal(hours.add('a', tallyOf(2), 0), false)
  hours.add('b', tallyOf(3), HOUR_MS - 1)
  t.equal(hours.add('a', tallyOf(4), HOUR_MS), true, 'an hour has ended')
  hours.add('a', tallyOf(5), HOUR_MS - 1)
  t.strictSame(counts(hours.book()), [
    ['a', 0, 2],
    ['b', 0, 3],
    ['a', 1, 9],
  ])
  t.strictSame(counts(hours.book(HOUR_MS)), [['a', 1, 9]], 'hours that end by then are left out')
})

t.test('a week is kept, and no more than the bound of cells', async t => {
  const hours = new Hours()
  for (let hour = 0; hour < MAX_HOURS + 20; hour++) hours.add('a', tallyOf(1), hour * HOUR_MS)
  t.equal(hours.book().cells.length, MAX_HOURS)
  const busy = new Hours()
  const routes = 1000
  for (let hour = 0; hour < 20; hour++) {
    for (let i = 0; i < routes; i++) busy.add(`r${i}`, tallyOf(1), hour * HOUR_MS)
  }
  const { cells } = busy.book()
  t.equal(cells.length, MAX_CELLS + routes, 'those of the running hour beside the bound')
  t.equal(cells[0]?.hour, 2, 'the oldest are gone')
})

t.test('totals are kept by what they grew by, and never shrink an hour', async t => {
  const hours = new Hours()
  hours.count({ retries: 5 }, 0)
  hours.count({ retries: 7 }, 1)
  hours.count({ retries: 7, sheds: 1 }, HOUR_MS)
  hours.count({ retries: 3, sheds: 1 }, HOUR_MS + 1)
  t.strictSame(hours.book().events, [
    { hour: 0, counts: { retries: 7 } },
    { hour: 1, counts: { sheds: 1 } },
  ])
})

t.test('books of several processes are one: sums, verdicts and percentiles', async t => {
  const slow = {
    cells: [cellOf('a', 1, tallyOf(10, { ms: 900, status: 502 }))],
    events: [{ hour: 1, counts: { x: 2 } }],
  }
  const fast = {
    cells: [cellOf('a', 1, tallyOf(90, { ms: 10 })), cellOf('b', 0, tallyOf(1))],
    events: [{ hour: 1, counts: { x: 1, y: 1 } }],
  }
  const { cells, events } = mergeBooks([slow, fast])
  t.strictSame(counts({ cells, events }), [
    ['b', 0, 1],
    ['a', 1, 100],
  ])
  t.match(cells[1]?.verdicts, { success: 90, server_error: 10 })
  t.strictSame(events, [{ hour: 1, counts: { x: 3, y: 1 } }])
  t.strictSame(mergeBooks([fast, slow]).cells[1], mergeBooks([slow, fast]).cells[1], 'in either order')
})

t.test('a file is read as it was written, and one that is broken is told and left out', async t => {
  const folder = folderOf(t)
  t.strictSame(readHours(folder, 'hours.json'), { book: null, problem: null }, 'none is no fault')
  const book = { cells: [cellOf('a', 5, tallyOf(3))], events: [{ hour: 5, counts: { x: 1 } }] }
  writeHours(folder, 'hours.json', book)
  t.strictSame(readHours(folder, 'hours.json'), { book, problem: null })
  t.strictSame(readdirSync(folder), ['hours.json'], 'nothing else is left')
  const whole = readFileSync(join(folder, 'hours.json'), 'utf8')
  const changed = (change: (read: { version: number; cells: Record<string, unknown>[] }) => void) => {
    const read = JSON.parse(whole)
    change(read)
    return JSON.stringify(read)
  }
  const broken = {
    'cut off': whole.slice(0, -9),
    'of another version': changed(read => void Object.assign(read, { version: 2 })),
    null: 'null',
    'a cell without a route': changed(({ cells }) => void delete cells[0]?.['route']),
    'a count that is text': changed(({ cells }) => void Object.assign(cells[0]?.['sums'] as object, { count: '3' })),
    'a bucket that is none': changed(
      ({ cells }) => void Object.assign(cells[0]?.['ms'] as object, { buckets: [240, 1] }),
    ),
    'half a pair': changed(({ cells }) => void Object.assign(cells[0]?.['ms'] as object, { buckets: [1] })),
  }
  for (const [what, text] of Object.entries(broken)) {
    writeFileSync(join(folder, 'hours.json'), text)
    const { book, problem } = readHours(folder, 'hours.json')
    t.equal(book, null, what)
    t.match(problem, /hours\.json/, what)
  }
})

t.test('a restart goes on with the running hour; what is older than a week is gone', async t => {
  const folder = folderOf(t)
  const now = 1000 * HOUR_MS
  const warnings: string[] = []
  const open = (nowMs: number, totals = {}) => {
    const parts = { folder, file: 'hours.json', totals: () => totals, running: () => [] }
    return new HourKeeper({ ...parts, warn: problem => void warnings.push(problem) }, nowMs)
  }
  const first = open(now, { x: 4 })
  first.add('a', tallyOf(1), now - MAX_HOURS * HOUR_MS)
  first.add('a', tallyOf(2), now)
  first.close(now)
  const second = open(now + 1, { x: 1 })
  second.add('a', tallyOf(3), now + 2)
  const book = second.book(0, now + 3)
  t.strictSame(counts(book), [['a', 1000, 5]])
  t.strictSame(book.events, [{ hour: 1000, counts: { x: 5 } }], 'totals begin again with the process')
  t.strictSame(warnings, [])
})

t.test(
  'an hour that has ended is in the file without a stop; a folder that cannot be written costs a warning',
  async t => {
    const folder = folderOf(t)
    const warnings: string[] = []
    const parts = {
      file: 'hours.json',
      totals: () => ({}),
      running: () => [],
      warn: (text: string) => void warnings.push(text),
    }
    const keeper = new HourKeeper({ ...parts, folder }, 0)
    keeper.add('a', tallyOf(1), 0)
    keeper.tick(1)
    t.equal(readHours(folder, 'hours.json').book, null)
    keeper.tick(HOUR_MS)
    t.equal(readHours(folder, 'hours.json').book?.cells.length, 1)
    t.strictSame(warnings, [])
    mkdirSync(join(folder, 'taken.json'))
    const blocked = new HourKeeper({ ...parts, file: 'taken.json', folder }, 0)
    blocked.add('a', tallyOf(1), 0)
    blocked.close(1)
    t.equal(warnings.length, 2)
    t.match(warnings[1], /could not be written/)
  },
)
