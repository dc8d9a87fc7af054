/**
 * Human units of the configuration, both ways: durations to milliseconds, sizes to bytes, shares to a ratio. Pure.
 */

/** A quantity as a number, or what is wrong with the text, as the end of a sentence that names the key. */
export type Quantity = { readonly ok: true; readonly value: number } | { readonly ok: false; readonly problem: string }

/** Longest duration: what a timer of Node can wait, a little less than 25 days. */
export const MAX_DURATION_MS = 24 * 86_400_000

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}

/** `250ms 30s 5m 1h 2d` in milliseconds; `0` needs no unit. */
export function parseDuration(text: string): Quantity {
  const { number, unit } = splitUnit(text)
  if (number === 0 && unit === '') return { ok: true, value: 0 }
  if (number !== null && unit === '') return { ok: false, problem: `needs a unit: write ${text}s or ${text}ms` }
  const factor = DURATION_UNITS[unit]
  if (number === null || factor === undefined)
    return { ok: false, problem: 'expected a duration: 250ms, 30s, 5m, 1h, 2d' }
  return { ok: true, value: Math.round(number * factor) }
}

/** `64KiB 5MB 1GiB` in bytes; a bare number is bytes. */
export function parseSize(text: string): Quantity {
  const { number, unit } = splitUnit(text)
  if (number !== null && ['k', 'm', 'g', 't'].includes(unit)) {
    const letter = unit.toUpperCase()
    return { ok: false, problem: `needs a whole unit: write ${number}${letter}iB (1024) or ${number}${letter}B (1000)` }
  }
  const factor = unit === '' ? 1 : SIZE_UNITS[unit]
  if (number === null || factor === undefined) return { ok: false, problem: 'expected a size: 1024, 64KiB, 5MB, 1GiB' }
  const value = Math.round(number * factor)
  if (!Number.isSafeInteger(value)) return { ok: false, problem: 'is too large' }
  return { ok: true, value }
}

/** `5Mbit/s` or `2MB/s` in bytes per second; `bit` is an eighth of a byte. */
export function parseRate(text: string): Quantity {
  const expected = { ok: false, problem: 'expected a speed: 5Mbit/s, 2MB/s' } as const
  if (!text.endsWith('/s')) return expected
  const { number, unit } = splitUnit(text.slice(0, -2))
  const isBits = unit.endsWith('bit')
  const factor = SIZE_UNITS[isBits ? `${unit.slice(0, -3)}b` : unit]
  if (number === null || factor === undefined) return expected
  return { ok: true, value: Math.round((number * factor) / (isBits ? 8 : 1)) }
}

/** `20%` or `0.2` as 0.2. */
export function parseRatio(text: string): Quantity {
  const { number, unit } = splitUnit(text)
  const value = unit === '%' && number !== null ? number / 100 : number
  if (value === null || (unit !== '%' && unit !== '') || value > 1) {
    return { ok: false, problem: 'expected a share: 20% or 0.2' }
  }
  return { ok: true, value }
}

/** The shortest text that `parseDuration` reads back: 300000 is `5m`. */
export function formatDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find(name => ms !== 0 && ms % (DURATION_UNITS[name] ?? 1) === 0) ?? 'ms'
  return ms === 0 ? '0' : `${ms / (DURATION_UNITS[unit] ?? 1)}${unit}`
}

/** The shortest text that `parseSize` reads back: 65536 is `64KiB`. */
export function formatSize(bytes: number): string {
  const name = ['TiB', 'GiB', 'MiB', 'KiB'].find(
    unit => bytes > 0 && bytes % (SIZE_UNITS[unit.toLowerCase()] ?? 1) === 0,
  )
  return name === undefined ? `${bytes}B` : `${bytes / (SIZE_UNITS[name.toLowerCase()] ?? 1)}${name}`
}

/** The shortest text in bits that `parseRate` reads back, as lines are sold: 625000 is `5Mbit/s`. */
export function formatRate(bytesPerSecond: number): string {
  const bits = bytesPerSecond * 8
  const name = ['Gb', 'Mb', 'kb'].find(unit => bits > 0 && bits % (SIZE_UNITS[unit.toLowerCase()] ?? 1) === 0) ?? 'b'
  return `${bits / (SIZE_UNITS[name.toLowerCase()] ?? 1)}${name}it/s`
}

/** Cuts `1.5KiB` into 1.5 and `kib`; `number` is null where no plain decimal number stands in front. */
function splitUnit(text: string): { number: number | null; unit: string } {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)([a-z%]*)$/i.exec(text)
  if (match === null) return { number: null, unit: '' }
  return { number: Number(match[1]), unit: (match[2] ?? '').toLowerCase() }
}
