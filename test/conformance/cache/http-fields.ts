/** Field lines as lists of pairs: looking a name up, and dates that are written as seconds from a clock. */
import type { Field } from './types.ts'

const dateNames = new Set(['date', 'expires', 'last-modified', 'if-modified-since', 'if-unmodified-since'])

/** The values of a name joined with ", ", or null where there is none. */
export function fieldValue(fields: readonly Field[], name: string): string | null {
  const wanted = name.toLowerCase()
  const values = fields.filter(([own]) => own.toLowerCase() === wanted).map(([, value]) => value)
  return values.length === 0 ? null : values.join(', ')
}

/** Node's flat list of names and values as pairs. */
export function pairsOf(raw: readonly string[]): Field[] {
  const fields: Field[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) fields.push([raw[at] as string, raw[at + 1] as string])
  return fields
}

/** Writes a defined value: a whole number of a date field is an offset in seconds from `nowMs`. */
export function writtenValue(name: string, value: string | number, nowMs: number): string {
  if (typeof value === 'string' || !dateNames.has(name.toLowerCase())) return String(value)
  return new Date(nowMs + value * 1000).toUTCString()
}
