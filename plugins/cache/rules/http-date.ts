/**
 * HTTP dates in their three forms, as strict as RFC 9110 §5.6.7 but for the case of the names: what is no date is null,
 * so that an Expires that cannot be read makes an answer stale.
 */
import { wholeNumber } from './fields.ts'

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const longDayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

/** Milliseconds since the epoch, or null; `nowMs` settles the century of a two-digit year. */
export function parseHttpDate(value: string, nowMs: number): number | null {
  if (value.length === 29 && value[3] === ',') return knownFixdate(value)
  const text = value.toLowerCase()
  if (text.length === 24 && text[3] === ' ') return parseAsctime(text)
  return parseRfc850(text, nowMs)
}

/** Answers of one second have one Date, and a file has its Last-Modified for long: as many as there are seconds. */
const knownTexts: string[] = Array(60).fill('')
const knownMs: (number | null)[] = Array(60).fill(null)

function knownFixdate(text: string): number | null {
  const place = (text.charCodeAt(23) * 10 + text.charCodeAt(24)) % knownTexts.length
  if (knownTexts[place] === text) return knownMs[place]!
  const ms = parseFixdate(text.toLowerCase())
  knownTexts[place] = text
  knownMs[place] = ms
  return ms
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function parseFixdate(text: string): number | null {
  const isShaped =
    dayNames.includes(text.slice(0, 3)) && text[4] === ' ' && text[7] === ' ' && text[11] === ' ' && text[16] === ' '
  if (!isShaped || text.slice(25) !== ' gmt') return null
  const day = wholeNumber(text.slice(5, 7))
  return moment(wholeNumber(text.slice(12, 16)), text.slice(8, 11), day, text.slice(17, 25))
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function parseRfc850(text: string, nowMs: number): number | null {
  const comma = text.indexOf(', ')
  if (comma === -1 || !longDayNames.includes(text.slice(0, comma))) return null
  const rest = text.slice(comma + 2)
  const isShaped = rest.length === 22 && rest[2] === '-' && rest[6] === '-' && rest[9] === ' '
  if (!isShaped || rest.slice(18) !== ' gmt') return null
  const year = fullYear(wholeNumber(rest.slice(7, 9)), nowMs)
  return moment(year, rest.slice(3, 6), wholeNumber(rest.slice(0, 2)), rest.slice(10, 18))
}

/** `Sun Nov  6 08:49:37 1994` */
function parseAsctime(text: string): number | null {
  if (!dayNames.includes(text.slice(0, 3)) || text[7] !== ' ' || text[10] !== ' ' || text[19] !== ' ') return null
  const day = wholeNumber(text[8] === ' ' ? text.slice(9, 10) : text.slice(8, 10))
  return moment(wholeNumber(text.slice(20)), text.slice(4, 7), day, text.slice(11, 19))
}

/** RFC 9110 §5.6.7: what seems more than 50 years ahead is the last year with these digits. */
function fullYear(twoDigits: number | null, nowMs: number): number | null {
  if (twoDigits === null) return null
  const thisYear = new Date(nowMs).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

function moment(year: number | null, monthName: string, day: number | null, clock: string): number | null {
  const month = monthNames.indexOf(monthName)
  if (year === null || month === -1 || day === null || day < 1) return null
  if (clock[2] !== ':' || clock[5] !== ':') return null
  const hour = wholeNumber(clock.slice(0, 2))
  const minute = wholeNumber(clock.slice(3, 5))
  const second = wholeNumber(clock.slice(6, 8))
  if (hour === null || minute === null || second === null || hour > 23 || minute > 59 || second > 60) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  // 31 February would roll over into March.
  if (date.getUTCMonth() !== month) return null
  return date.setUTCHours(hour, minute, second, 0)
}

/** The preferred form, IMF-fixdate. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}
