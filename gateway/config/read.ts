/**
 * Reads YAML nodes by the schema: every known key becomes a camelCase key with a normalised value, every slip becomes a
 * problem with its place. This is the one place where YAML's names turn into those of `types.ts`. What is not written
 * is left out; `complete.ts` fills it in.
 */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type Scalar as YamlScalar } from 'yaml'
import { expandEnvironment } from './env.ts'
import type { Kind, Reads, Words } from './kinds.ts'
import { nameOf } from './naming.ts'
import { type Place, quote } from './problem.ts'
import { type ReadContext, report, type Spot } from './read-context.ts'
import { alternatives, readScalar, type Scalar, type ScalarReads } from './scalars.ts'
import { explainUnknownKey } from './suggest.ts'
import { textRules } from './text-rules.ts'

/** Most nodes that are visited: aliases can name one node many times. */
const MAX_NODES = 200_000

/** The normalised value, or undefined where something was wrong (which has been reported). */
export function readNode(schema: Kind, written: Node | null, spot: Spot, context: ReadContext): unknown {
  const node = follow(written, spot, context)
  const value = node === undefined ? undefined : readByKind(schema, node, spot, context)
  const isFile = schema.reads.kind === 'text' && schema.reads.rule === 'file'
  const file = isFile && isScalar(node) ? String(node.value) : null
  const place = context.source.placeOf(written) ?? spot.place
  context.written.set(spot.path, { path: spot.path, place, keyPlace: spot.place, value, file })
  return value
}

function follow(node: Node | null, spot: Spot, context: ReadContext): Node | null | undefined {
  if (++context.visited > MAX_NODES) {
    if (context.visited === MAX_NODES + 1)
      report(spot, null, 'too many values: aliases repeat them over and over', context)
    return undefined
  }
  if (node === null || !isAlias(node)) return node
  const meant = context.source.follow(node)
  if (meant === null || isAlias(meant))
    report(spot, node, `no anchor ${quote(`&${node.source}`)} stands above`, context)
  return meant === null || isAlias(meant) ? undefined : meant
}

function readByKind(schema: Kind, node: Node | null, spot: Spot, context: ReadContext): unknown {
  const { reads } = schema
  switch (reads.kind) {
    case 'block':
      return readBlock(schema, reads, node, spot, context)
    case 'switch':
      return readSwitch(schema, reads.off, node, spot, context)
    case 'list':
      return readList(schema, reads, node, spot, context)
    case 'short':
      return readShort(schema, reads.key, node, spot, context)
    case 'map':
      return readMap(schema, reads, node, spot, context)
    default:
      return readScalarNode(reads, node, spot, context)
  }
}

type ReadsOf<K extends Reads['kind']> = Extract<Reads, { kind: K }>

function readBlock(
  schema: Kind,
  reads: ReadsOf<'block'>,
  node: Node | null,
  spot: Spot,
  context: ReadContext,
): unknown {
  const properties = schema.properties ?? {}
  const map = mapOf(node)
  if (map === undefined)
    return report(spot, node, `expected a block of keys${exampleOf(properties)}, found ${describe(node)}`, context)
  const result: [string, unknown][] = []
  const keys = eachKey(map, spot, context)
  for (const { key, node: value, spot: at } of keys) {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined) reportUnknown(at, Object.keys(properties), context)
    else {
      const read = readNode(property, value, at, context)
      if (read !== undefined) result.push([nameOf(key, property), read])
    }
  }
  const missing = reads.required.filter(key => !keys.some(entry => entry.key === key))
  for (const key of missing) report({ ...spot, key: '' }, node, `missing key ${quote(key)}`, context)
  return Object.fromEntries(result)
}

/** The entries of a mapping as spots; keys that are no text or stand twice are reported and left out. */
function eachKey(
  map: YAMLMap | null,
  spot: Spot,
  context: ReadContext,
): { key: string; node: Node | null; spot: Spot }[] {
  const seen = new Map<string, Place>()
  const entries: { key: string; node: Node | null; spot: Spot }[] = []
  for (const pair of (map?.items ?? []) as Pair<Node | null, Node | null>[]) {
    const place = context.source.placeOf(pair.key) ?? spot.place
    const key = isScalar(pair.key) ? String(pair.key.value) : null
    const at: Spot = { path: below(spot.path, key ?? ''), key: key ?? '', place }
    const first = key === null ? undefined : seen.get(key)
    if (key === null) report(at, pair.key, 'a key is a plain word', context)
    else if (first !== undefined)
      report(at, pair.key, `stands here a second time (first in line ${first.line})`, context)
    else entries.push({ key, node: pair.value, spot: at })
    if (key !== null && first === undefined) seen.set(key, place)
  }
  return entries
}

/** A dot in a key must not look like a level of its own. */
function below(path: string, key: string): string {
  const step = key.replaceAll('.', '~')
  return path === '' ? step : `${path}.${step}`
}

function reportUnknown(at: Spot, known: readonly string[], context: ReadContext): void {
  const scope = at.path.startsWith('routes.') || at.path.startsWith('defaults.') ? 'route' : 'top'
  const message =
    at.key === '<<'
      ? '"<<" is not read: what routes have in common belongs under "defaults"'
      : explainUnknownKey(at.key, known, scope, context.index)
  report({ ...at, key: '' }, null, message, context)
}

function readSwitch(schema: Kind, off: unknown, node: Node | null, spot: Spot, context: ReadContext): unknown {
  if (isScalar(node) && node.value !== null) {
    const scalar = resolveScalar(node, false, spot, context)
    if (scalar === undefined) return undefined
    if (scalar.value === false || scalar.value === 'off') return off
    if (scalar.value === true) return readNode(schema.inner!, null, spot, context)
    if (schema.inner!.reads.kind !== 'block') return readNode(schema.inner!, node, spot, context)
    const example = exampleOf(schema.inner?.properties ?? {})
    return report(spot, node, `expected a block of keys${example}, or false, found ${quote(scalar.text)}`, context)
  }
  const read = readNode(schema.inner!, node, spot, context)
  if (typeof read !== 'object' || read === null || !('enabled' in read)) return read
  const { enabled, ...block } = read
  return enabled === false ? off : block
}

function readList(schema: Kind, reads: ReadsOf<'list'>, node: Node | null, spot: Spot, context: ReadContext): unknown {
  const item = schema.inner!
  if (isSeq(node)) {
    if (node.items.length < reads.atLeast) return report(spot, node, 'the list is empty', context)
    const items = (node.items as (Node | null)[]).map((value, i) => readItem(item, value, i, spot, context))
    return items.filter(value => value !== undefined)
  }
  if (reads.many === 'list') return readNoList(reads.words, node, spot, context)
  const only = readNode(item, node, spot, context)
  return only === undefined ? undefined : [only]
}

/** What may stand in place of a list: nothing, or one of its words. */
function readNoList(words: Words, node: Node | null, spot: Spot, context: ReadContext): unknown {
  if (isScalar(node) && node.value === null) return []
  const scalar = isScalar(node) ? resolveScalar(node, true, spot, context) : null
  if (scalar === undefined) return undefined
  if (scalar !== null && Object.hasOwn(words, scalar.text)) return words[scalar.text]
  if (scalar?.value === false && Object.hasOwn(words, 'off')) return words['off']
  return report(spot, node, `expected a list${alternatives(words)}, found ${describe(node)}`, context)
}

function readItem(item: Kind, node: Node | null, i: number, spot: Spot, context: ReadContext): unknown {
  const place = context.source.placeOf(node) ?? spot.place
  return readNode(item, node, { path: `${spot.path}.${i}`, key: spot.key, place }, context)
}

function readShort(schema: Kind, key: string, node: Node | null, spot: Spot, context: ReadContext): unknown {
  const block = schema.inner!
  const property = block.properties![key]!
  if (!isScalar(node)) return readNode(block, node, spot, context)
  const read = readNode(property, node, spot, context)
  return read === undefined ? undefined : { [nameOf(key, property)]: read }
}

function readMap(schema: Kind, reads: ReadsOf<'map'>, node: Node | null, spot: Spot, context: ReadContext): unknown {
  const map = mapOf(node)
  if (map === undefined) return report(spot, node, `expected a block of keys, found ${describe(node)}`, context)
  const result: [string, unknown][] = []
  for (const { key, node: value, spot: at } of eachKey(map, spot, context)) {
    const name = reads.names === null ? { ok: true as const } : textRules[reads.names](key, context.folder)
    if (!name.ok) report({ ...at, key: spot.key }, null, name.problem, context)
    else {
      const read = readNode(schema.inner!, value, at, context)
      if (read !== undefined) result.push([key, read])
    }
  }
  return Object.fromEntries(result)
}

function readScalarNode(reads: ScalarReads, node: Node | null, spot: Spot, context: ReadContext): unknown {
  if (node !== null && !isScalar(node))
    return report(spot, node, `expected one value, found ${describe(node)}`, context)
  const scalar = node === null ? { value: null, text: '' } : resolveScalar(node, reads.kind === 'text', spot, context)
  if (scalar === undefined) return undefined
  const reading = readScalar(reads, scalar, context.folder)
  return reading.ok ? reading.value : report(spot, node, reading.problem, context)
}

/** Replaces `${NAME}`; where no text is wanted, what comes out is a number or a boolean if it looks like one. */
function resolveScalar(node: YamlScalar, asText: boolean, spot: Spot, context: ReadContext): Scalar | undefined {
  const { value } = node
  if (typeof value !== 'string') return { value, text: node.source ?? String(value) }
  const expansion = expandEnvironment(value, context.environment)
  if (!expansion.ok) return report(spot, node, expansion.problem, context)
  const { text, replaced } = expansion
  return { value: replaced && !asText ? retype(text) : text, text }
}

function retype(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d{1,15}(\.\d{1,6})?$/.test(text) ? Number(text) : text
}

/** The keys of a small block, for somebody who wrote a single value in its place. */
function exampleOf(properties: Readonly<Record<string, Kind>>): string {
  const keys = Object.keys(properties)
  return keys.length > 4 ? '' : ` (${keys.join(', ')})`
}

function mapOf(node: Node | null): YAMLMap | null | undefined {
  if (node === null || (isScalar(node) && node.value === null)) return null
  return isMap(node) ? node : undefined
}

function describe(node: Node | null): string {
  if (isMap(node)) return 'a block of keys'
  if (isSeq(node)) return 'a list'
  return isScalar(node) && node.value !== null ? quote(String(node.value)) : 'nothing'
}
