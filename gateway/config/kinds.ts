/**
 * The building blocks of the schema: TypeBox types that also say how a YAML node is read (`reads`), so that one
 * description serves the reading, the defaults, the messages and the editor's hover text.
 */
import { type TSchema, Type } from 'typebox'
import type { TextRuleName } from './text-rules.ts'

/** Words that may stand in place of a quantity, and what they mean: `none` is null. */
export type Words = Readonly<Record<string, string | number | boolean | null>>

export type Reads =
  | { readonly kind: 'text'; readonly rule: TextRuleName; readonly secret?: boolean; readonly lenient?: boolean }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'flag' }
  | {
      readonly kind: 'integer' | 'duration' | 'size' | 'rate' | 'ratio'
      readonly min: number
      readonly max: number
      readonly words: Words
    }
  | { readonly kind: 'block'; readonly name: string; readonly required: readonly string[] }
  /** A block, a map or a list that can be switched off: `off` is what false means. */
  | { readonly kind: 'switch'; readonly off: unknown }
  /** A list, or one item of it without brackets; `words` may stand in place of the whole list. */
  | { readonly kind: 'list'; readonly many: 'list' | 'listOrOne'; readonly atLeast: number; readonly words: Words }
  /** A text that stands for a block with this one key. */
  | { readonly kind: 'short'; readonly key: string }
  | { readonly kind: 'map'; readonly names: TextRuleName | null }

/** A schema with its way of being read. `inner` is the item, the value or the block underneath. */
export type Kind = TSchema & {
  readonly reads: Reads
  readonly description?: string
  readonly default?: unknown
  /** What the value is where the key is missing and no default is written. */
  readonly absent?: unknown
  readonly inner?: Kind
  readonly properties?: Readonly<Record<string, Kind>>
}

interface Common {
  readonly description: string
  readonly default?: unknown
  readonly absent?: unknown
  readonly examples?: readonly unknown[]
}

interface Bounds extends Common {
  readonly min: number
  readonly max: number
  readonly words?: Words
}

/** What `false` means where nothing can be off: as if nobody had written it, neither the route nor what lies under it. */
export const UNWRITTEN = Symbol('unwritten')

/** Pattern of a text that refers to the environment, which may stand in place of any scalar. */
export const REFERENCE = '\\$\\{'

const kind = (schema: TSchema): Kind => schema as Kind

export function text(rule: TextRuleName, options: Common & { secret?: boolean; lenient?: boolean }): Kind {
  const { secret = false, lenient = false, ...rest } = options
  const reads: Reads = { kind: 'text', rule, secret, lenient }
  if (!lenient) return kind(Type.String({ ...rest, reads }))
  return kind(Type.Union([Type.String(), Type.Number(), Type.Boolean()], { ...rest, reads }))
}

export function word(words: readonly string[], options: Common): Kind {
  const reads: Reads = { kind: 'word', words }
  // `off` is a word here, but YAML 1.1 tools write it as false.
  const off = words.includes('off') ? [Type.Literal(false)] : []
  return kind(Type.Union([Type.Enum([...words]), ...off, reference()], { ...options, reads }))
}

export function flag(options: Common): Kind {
  return kind(Type.Union([Type.Boolean(), reference()], { ...options, reads: { kind: 'flag' } }))
}

export function integer(options: Bounds): Kind {
  const { min, max, words = {}, ...rest } = options
  const scalar = Type.Integer({ minimum: min, maximum: max })
  return kind(
    Type.Union([scalar, ...wordLiterals(words), reference()], { ...rest, reads: { kind: 'integer', min, max, words } }),
  )
}

/** Bounds in milliseconds. */
export function duration(options: Bounds): Kind {
  const { min, max, words = {}, ...rest } = options
  const scalar = Type.String({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' })
  const zero = min === 0 || 'none' in words || 'off' in words ? [Type.Literal(0)] : []
  const reads: Reads = { kind: 'duration', min, max, words }
  return kind(Type.Union([scalar, ...zero, ...wordLiterals(words), reference()], { ...rest, reads }))
}

/** Bounds in bytes. */
export function size(options: Bounds): Kind {
  const { min, max, words = {}, ...rest } = options
  const scalar = Type.String({ pattern: '^\\d+(\\.\\d+)?([kKmMgGtT]i?)?[bB]$' })
  const reads: Reads = { kind: 'size', min, max, words }
  const bytes = Type.Integer({ minimum: min })
  return kind(Type.Union([scalar, bytes, ...wordLiterals(words), reference()], { ...rest, reads }))
}

/** Bounds in bytes per second. */
export function rate(options: Bounds): Kind {
  const { min, max, words = {}, ...rest } = options
  const scalar = Type.String({ pattern: '^\\d+(\\.\\d+)?([kKmMgG]i?)?([bB]|[bB]it)/s$' })
  const reads: Reads = { kind: 'rate', min, max, words }
  return kind(Type.Union([scalar, ...wordLiterals(words), reference()], { ...rest, reads }))
}

export function ratio(options: Common & { readonly words?: Words }): Kind {
  const { words = {}, ...rest } = options
  const scalar = Type.String({ pattern: '^\\d+(\\.\\d+)?%$' })
  const share = Type.Number({ minimum: 0, maximum: 1 })
  const reads: Reads = { kind: 'ratio', min: 0, max: 1, words }
  return kind(Type.Union([scalar, share, ...wordLiterals(words), reference()], { ...rest, reads }))
}

/** A mapping with known keys only. `name` is its key in the YAML, for messages and for `$defs`. */
export function block(
  name: string,
  properties: Readonly<Record<string, Kind>>,
  options: Common & { readonly required?: readonly string[] },
): Kind {
  const { required = [], ...rest } = options
  const entries = Object.entries(properties).map(([key, value]) => [
    key,
    required.includes(key) ? value : Type.Optional(value),
  ])
  const reads: Reads = { kind: 'block', name, required }
  return kind(Type.Object(Object.fromEntries(entries), { ...rest, additionalProperties: false, reads }))
}

/** A block, a map or a list, or `false` / `off` for none of it, or `true` for all of its defaults. */
export function switchable(inner: Kind, off: unknown, options: Partial<Common> = {}): Kind {
  const choices = [inner, Type.Boolean(), Type.Literal('off')]
  const description = options.description ?? inner.description ?? ''
  return kind(Type.Union(choices, { ...options, description, reads: { kind: 'switch', off }, inner }))
}

export function list(inner: Kind, options: Common & { readonly atLeast?: number; readonly words?: Words }): Kind {
  const { atLeast = 0, words = {}, ...rest } = options
  const reads: Reads = { kind: 'list', many: 'list', atLeast, words }
  const least = atLeast > 0 ? { minItems: atLeast } : {}
  if (Object.keys(words).length === 0) return kind(Type.Array(inner, { ...rest, ...least, reads, inner }))
  return kind(Type.Union([Type.Array(inner, least), ...wordLiterals(words), reference()], { ...rest, reads, inner }))
}

export function listOrOne(inner: Kind, options: Common & { readonly atLeast?: number }): Kind {
  const { atLeast = 0, ...rest } = options
  const reads: Reads = { kind: 'list', many: 'listOrOne', atLeast, words: {} }
  const many = Type.Array(inner, atLeast > 0 ? { minItems: atLeast } : {})
  return kind(Type.Union([inner, many], { ...rest, reads, inner }))
}

/** `http://…` for `{ url: http://… }`. */
export function short(key: string, inner: Kind, options: Common): Kind {
  return kind(Type.Union([Type.String(), inner], { ...options, reads: { kind: 'short', key }, inner }))
}

/** A mapping whose keys are free (`names` = the rule they follow) and whose values are alike. */
export function map(inner: Kind, options: Common & { readonly names: TextRuleName | null }): Kind {
  const { names, ...rest } = options
  return kind(Type.Record(Type.String(), inner, { ...rest, reads: { kind: 'map', names }, inner }))
}

function wordLiterals(words: Words): TSchema[] {
  const off = 'none' in words || 'off' in words ? [Type.Literal(false)] : []
  const on = 'on' in words ? [Type.Literal(true)] : []
  return [...Object.keys(words).map(name => Type.Literal(name)), ...off, ...on]
}

function reference(): TSchema {
  return Type.String({ pattern: REFERENCE })
}
