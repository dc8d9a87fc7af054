/**
 * Whether two values of a knob are the same, whatever they are and in whichever order their parts stand: one of them may come
 * from outside.
 */
import type { Coding, CodingByClass, KnobValue } from '../types.ts'

/** Characters of what is kept of something odd. */
const MOST_TEXT = 1000

export function isSame(a: unknown, b: unknown): boolean {
  // Not a number is the same as itself here: else it would be news in every window.
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isCoding(a) && isCoding(b)) return a.algo === b.algo && a.level === b.level
  if (isByClass(a) && isByClass(b)) return isSameByClass(a, b)
  return textOf(a) === textOf(b)
}

/** What the ledger can show of a value from outside: it is written as JSON. */
export function shown(found: unknown): KnobValue | undefined {
  if (typeof found === 'number' || typeof found === 'boolean') return found
  if (typeof found === 'string') return found.slice(0, MOST_TEXT)
  const text = typeof found === 'object' && found !== null ? textOf(found) : ''
  return text === '' || text.length > MOST_TEXT ? undefined : (JSON.parse(text) as KnobValue)
}

function isSameByClass(a: CodingByClass, b: CodingByClass): boolean {
  const names = Object.keys(a.byClass)
  if (names.length !== Object.keys(b.byClass).length || !isSame(a.default, b.default)) return false
  return names.every(name => Object.hasOwn(b.byClass, name) && isSame(a.byClass[name], b.byClass[name]))
}

/** The usual value that is no number, and looked at in every window: its text need not be written for it. */
function isCoding(value: object): value is Coding {
  return 'algo' in value && 'level' in value && typeof value.algo === 'string' && typeof value.level === 'number'
}

function isByClass(value: object): value is CodingByClass {
  return 'byClass' in value && typeof value.byClass === 'object' && value.byClass !== null
}

/** Empty where it has none: it goes in a circle, or holds what JSON cannot say. */
function textOf(value: object): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}
