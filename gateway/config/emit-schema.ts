/**
 * Writes `gateway.schema.json`: the schema as JSON Schema 2020-12 for editors, with the default of every key in its
 * hover text. `node gateway/config/emit-schema.ts` writes the file, a test checks that it is up to date.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Kind, REFERENCE } from './kinds.ts'
import { routeBlocks } from './route-schema.ts'
import { configSchema } from './schema.ts'

type Json = { readonly [key: string]: unknown }

/** Keywords that only the reader of the configuration knows. */
const OWN_KEYWORDS = ['reads', 'inner', 'absent']

const reference: Json = {
  type: 'string',
  pattern: REFERENCE,
  description: `A reference to the environment: \${NAME} or \${NAME:-default}.`,
}

/** The text of `gateway.schema.json`. */
export function emitSchema(): string {
  const blocks = Object.entries(routeBlocks).map(([name, schema]) => [name, emit(schema)])
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Hearthgate configuration',
    ...emit(configSchema),
    $defs: { ...Object.fromEntries(blocks), reference },
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function emit(schema: Kind): Json {
  const entries = Object.entries(schema)
    .filter(([keyword]) => !OWN_KEYWORDS.includes(keyword))
    .map(([keyword, value]) => [keyword, emitKeyword(schema, keyword, value)])
  return Object.fromEntries(entries)
}

function emitKeyword(schema: Kind, keyword: string, value: unknown): unknown {
  if (keyword === 'description') return describe(schema, String(value))
  if (keyword === 'anyOf')
    return (value as Kind[]).map(choice =>
      (choice as { pattern?: string }).pattern === REFERENCE ? refer('reference') : emit(choice),
    )
  if (keyword === 'items') return emit(value as Kind)
  if (keyword !== 'properties' && keyword !== 'patternProperties') return value
  const shared = schema.reads?.kind === 'block' && ['defaults', 'routes'].includes(schema.reads.name)
  const properties = Object.entries(value as Readonly<Record<string, Kind>>)
  return Object.fromEntries(
    properties.map(([key, property]) => [key, shared && Object.hasOwn(routeBlocks, key) ? refer(key) : emit(property)]),
  )
}

function refer(name: string): Json {
  return { $ref: `#/$defs/${name}` }
}

function describe(schema: Kind, description: string): string {
  const { default: byDefault } = schema
  if (byDefault === undefined || (typeof byDefault === 'object' && JSON.stringify(byDefault).length < 5))
    return description
  return `${description} Default: ${typeof byDefault === 'string' ? byDefault : JSON.stringify(byDefault)}.`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../../gateway.schema.json', import.meta.url)), emitSchema())
}
