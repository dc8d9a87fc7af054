/**
 * Puts together what is written and what is not: a route's blocks over those of `defaults`, key by key, and the
 * defaults of the schema under both. Pure.
 */
import { type Kind, UNWRITTEN } from './kinds.ts'
import { nameOf } from './naming.ts'
import { readScalar } from './scalars.ts'

export type Sparse = Readonly<Record<string, unknown>>

export function isBlock(value: unknown): value is Sparse {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `over` key by key over `under`; lists and single values replace, and so does `false`. */
export function overlay(under: unknown, over: unknown): unknown {
  if (over === undefined) return under
  if (!isBlock(under) || !isBlock(over)) return over
  const keys = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries([...keys].map(key => [key, overlay(own(under, key), own(over, key))]))
}

function own(block: Sparse, key: string): unknown {
  return Object.hasOwn(block, key) ? block[key] : undefined
}

/**
 * `value` with every missing key filled in from the schema.
 * @param folder absolute folder that relative paths in defaults start from
 */
export function complete(schema: Kind, value: unknown, folder: string): unknown {
  const { reads, inner } = schema
  if (value === undefined) return byDefault(schema, folder)
  if (reads.kind === 'block') return isBlock(value) ? completeBlock(schema, value, folder) : value
  if (reads.kind === 'list') return Array.isArray(value) ? value.map(item => complete(inner!, item, folder)) : value
  if (reads.kind === 'map' && isBlock(value)) return completeMap(inner!, value, folder)
  if (reads.kind === 'short') return complete(inner!, value, folder)
  if (reads.kind !== 'switch') return value
  if (value === UNWRITTEN) return byDefault(schema, folder)
  return isBlock(value) ? complete(inner!, value, folder) : value
}

function completeMap(inner: Kind, value: Sparse, folder: string): Sparse {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, complete(inner, item, folder)]))
}

function completeBlock(schema: Kind, value: Sparse, folder: string): Sparse {
  const entries = Object.entries(schema.properties ?? {})
    .filter(([key]) => key !== 'enabled')
    .map(([key, property]) => {
      const name = nameOf(key, property)
      return [name, complete(property, own(value, name), folder)] as const
    })
  return Object.fromEntries(entries.filter(([, filled]) => filled !== undefined))
}

function byDefault(schema: Kind, folder: string): unknown {
  if (Object.hasOwn(schema, 'absent')) return schema.absent
  if (Object.hasOwn(schema, 'default')) return readDefault(schema, schema.default, folder)
  const { reads, inner } = schema
  if (reads.kind === 'block') return completeBlock(schema, {}, folder)
  return reads.kind === 'switch' ? complete(inner!, {}, folder) : undefined
}

/** Defaults are written in the schema as in YAML, so that the editor shows them the way they are typed. */
function readDefault(schema: Kind, written: unknown, folder: string): unknown {
  const { reads, inner } = schema
  switch (reads.kind) {
    case 'list': {
      if (typeof written === 'string' && Object.hasOwn(reads.words, written)) return reads.words[written]
      const items = Array.isArray(written) ? written : [written]
      return items.map(item => (isBlock(item) ? complete(inner!, item, folder) : readDefault(inner!, item, folder)))
    }
    case 'map':
      return { ...(written as Sparse) }
    case 'block':
    case 'switch':
    case 'short':
      return complete(schema, written, folder)
    default: {
      const reading = readScalar(reads, { value: written, text: String(written) }, folder)
      if (!reading.ok) throw new Error(`default ${String(written)} of the schema: ${reading.problem}`)
      return reading.value
    }
  }
}
