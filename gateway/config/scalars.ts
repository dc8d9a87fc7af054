/**
 * Scalars of the configuration: one reading for what stands in the YAML and for the defaults in the schema. Pure.
 */
import type { Reads, Words } from './kinds.ts'
import { quote } from './problem.ts'
import { textRules } from './text-rules.ts'
import { formatDuration, formatSize, parseDuration, parseRate, parseRatio, parseSize, type Quantity } from './units.ts'

/** A scalar as YAML resolves it, and the characters it was written with. */
export interface Scalar {
  readonly value: unknown
  readonly text: string
}

export type ScalarReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

export type ScalarReads = Extract<
  Reads,
  { kind: 'text' | 'word' | 'flag' | 'integer' | 'duration' | 'size' | 'rate' | 'ratio' }
>

const accept = (value: unknown): ScalarReading => ({ ok: true, value })
const refuse = (problem: string): ScalarReading => ({ ok: false, problem })

/** @param folder absolute folder that relative paths start from */
export function readScalar(reads: ScalarReads, scalar: Scalar, folder: string): ScalarReading {
  switch (reads.kind) {
    case 'text':
      return readText(reads, scalar, folder)
    case 'word':
      return readWord(reads.words, scalar)
    case 'flag':
      return typeof scalar.value === 'boolean'
        ? accept(scalar.value)
        : refuse(`expected true or false, ${found(scalar)}`)
    default:
      return readQuantity(reads, scalar)
  }
}

function readText(reads: Extract<Reads, { kind: 'text' }>, scalar: Scalar, folder: string): ScalarReading {
  if (scalar.value === null) return refuse('expected a text, found nothing')
  const hidden = reads.secret === true || scalar.text.includes('@')
  if (typeof scalar.value !== 'string' && reads.lenient !== true) {
    return refuse(hidden ? 'expected a text: put it in quotes' : `expected a text: write "${scalar.text}" in quotes`)
  }
  const reading = textRules[reads.rule](scalar.text, folder)
  if (reading.ok || hidden || !reading.problem.startsWith('expected')) return reading
  return refuse(`${reading.problem}, ${found(scalar)}`)
}

function readWord(words: readonly string[], scalar: Scalar): ScalarReading {
  if (scalar.value === false && words.includes('off')) return accept('off')
  const word = words.find(candidate => candidate.toLowerCase() === String(scalar.value).toLowerCase())
  return word === undefined ? refuse(`expected ${oneOf(words)}, ${found(scalar)}`) : accept(word)
}

type QuantityReads = Extract<ScalarReads, { min: number }>

function readQuantity(reads: QuantityReads, scalar: Scalar): ScalarReading {
  const word = readOffOrWord(reads, scalar)
  if (word !== undefined) return accept(word)
  const quantity = parseQuantity(reads.kind, scalar)
  if (!quantity.ok) return refuse(withWords(quantity.problem, reads.words, scalar))
  const { value } = quantity
  if (value >= reads.min && value <= reads.max) return accept(value)
  return refuse(`expected ${bounds(reads)}${alternatives(reads.words)}, ${found(scalar)}`)
}

/** False, and 0 for a duration, mean what `none` or `off` means where there is such a word; true means `on`. */
function readOffOrWord(reads: QuantityReads, scalar: Scalar): string | number | boolean | null | undefined {
  const { words } = reads
  if (typeof scalar.value === 'string' && Object.hasOwn(words, scalar.text)) return words[scalar.text]
  if (scalar.value === true && Object.hasOwn(words, 'on')) return words['on']
  const off = Object.hasOwn(words, 'none') ? 'none' : Object.hasOwn(words, 'off') ? 'off' : undefined
  if (off === undefined) return undefined
  const isOff = scalar.value === false || scalar.value === 'off' || scalar.value === 'none'
  return isOff || (reads.kind === 'duration' && isZero(scalar.text)) ? words[off] : undefined
}

function isZero(text: string): boolean {
  const quantity = parseDuration(text)
  return quantity.ok && quantity.value === 0
}

function parseQuantity(kind: QuantityReads['kind'], scalar: Scalar): Quantity {
  const { value } = scalar
  if (kind === 'integer') {
    const isWhole = typeof value === 'number' && Number.isSafeInteger(value)
    return isWhole ? { ok: true, value } : { ok: false, problem: 'expected a whole number' }
  }
  const text = typeof value === 'number' || typeof value === 'string' ? scalar.text : ''
  if (kind === 'duration') return parseDuration(text)
  if (kind === 'rate') return parseRate(text)
  return kind === 'size' ? parseSize(text) : parseRatio(text)
}

function withWords(problem: string, words: Words, scalar: Scalar): string {
  return problem.startsWith('expected') ? `${problem}${alternatives(words)}, ${found(scalar)}` : problem
}

/** The words that may stand in place of a value, as the end of what was expected. */
export function alternatives(words: Words): string {
  return Object.keys(words)
    .map(word => `, or ${word}`)
    .join('')
}

function bounds(reads: QuantityReads): string {
  if (reads.kind === 'duration') return `a duration from ${formatDuration(reads.min)} to ${formatDuration(reads.max)}`
  if (reads.kind === 'rate') return `a speed from ${formatSize(reads.min)}/s`
  if (reads.kind === 'size') {
    const most = reads.max === Number.MAX_SAFE_INTEGER ? '' : ` to ${formatSize(reads.max)}`
    return `a size from ${formatSize(reads.min)}${most}`
  }
  return `a whole number from ${reads.min} to ${reads.max}`
}

export function oneOf(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function found(scalar: Scalar): string {
  return scalar.value === null ? 'found nothing' : `found ${quote(scalar.text)}`
}
