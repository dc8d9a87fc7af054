import t from 'tap'
import {
  formatDuration,
  formatRate,
  formatSize,
  parseDuration,
  parseRate,
  parseRatio,
  parseSize,
} from '../../../gateway/config/units.ts'

t.test('durations become milliseconds', async t => {
  const cases: [string, number][] = [
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['0', 0],
    ['0s', 0],
  ]
  for (const [text, value] of cases) t.strictSame(parseDuration(text), { ok: true, value }, text)
})

t.test('a duration without a unit, or with an unknown one, is told what to write', async t => {
  t.match(parseDuration('30'), { ok: false, problem: 'needs a unit: write 30s or 30ms' })
  for (const text of ['', 's', '30 s', '-1s', '1h30m', '5min', '1e3s', '٣s', '30s '])
    t.match(parseDuration(text), { ok: false, problem: /^expected a duration/ }, text)
})

t.test('sizes become bytes, in powers of 1000 and 1024', async t => {
  const cases: [string, number][] = [
    ['1024', 1024],
    ['0', 0],
    ['10B', 10],
    ['5MB', 5_000_000],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['10GB', 10_000_000_000],
    ['1.5kib', 1536],
    ['1TiB', 1024 ** 4],
  ]
  for (const [text, value] of cases) t.strictSame(parseSize(text), { ok: true, value }, text)
})

t.test('a size with half a unit is told both whole ones', async t => {
  t.match(parseSize('64K'), { ok: false, problem: 'needs a whole unit: write 64KiB (1024) or 64KB (1000)' })
  t.match(parseSize('9999999999TB'), { ok: false, problem: 'is too large' })
  for (const text of ['', 'MB', '-1', '1 MB', '1XB'])
    t.match(parseSize(text), { ok: false, problem: /^expected a size/ }, text)
})

t.test('shares are a percentage or a number up to 1', async t => {
  t.strictSame(parseRatio('20%'), { ok: true, value: 0.2 })
  t.strictSame(parseRatio('0.25'), { ok: true, value: 0.25 })
  for (const text of ['101%', '1.1', '-1%', '20', 'x', '']) t.equal(parseRatio(text).ok, false, text)
})

t.test('what is formatted reads back as the same quantity', async t => {
  for (const ms of [0, 1, 250, 1000, 1500, 30_000, 300_000, 3_600_000, 90_000, 172_800_000])
    t.strictSame(parseDuration(formatDuration(ms)), { ok: true, value: ms }, formatDuration(ms))
  for (const bytes of [0, 1, 1000, 1024, 32_768, 1024 ** 2, 1024 ** 3 + 1]) {
    t.strictSame(parseSize(formatSize(bytes)), { ok: true, value: bytes }, formatSize(bytes))
    t.strictSame(parseRate(formatRate(bytes)), { ok: true, value: bytes }, formatRate(bytes))
  }
  t.equal(formatDuration(300_000), '5m')
  t.equal(formatSize(65_536), '64KiB')
  t.equal(formatRate(625_000), '5Mbit/s')
})

t.test('speeds are bytes a second, written in bits or bytes', async t => {
  const cases: readonly (readonly [string, number])[] = [
    ['5Mbit/s', 625_000],
    ['2MB/s', 2_000_000],
    ['64KiB/s', 65_536],
    ['8bit/s', 1],
    ['1.5Mbit/s', 187_500],
  ]
  for (const [text, value] of cases) t.strictSame(parseRate(text), { ok: true, value }, text)
  for (const text of ['5Mbit', '5M/s', '/s', '5/s', 'fast', '-1MB/s']) t.notOk(parseRate(text).ok, text)
})
