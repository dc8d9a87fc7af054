/**
 * What somebody meant by a key that does not exist: the nearest key here, the block that the key belongs to, or the
 * name that other proxies have for it. Pure.
 */
import type { Kind } from './kinds.ts'
import { quote } from './problem.ts'

/** Where a key may stand: globally (`top`) or in the blocks of a route and of `defaults`. */
interface Home {
  readonly scope: 'top' | 'route'
  /** The block that holds it; null = the level of the scope itself. */
  readonly block: string | null
  /** Blocks around it. */
  readonly depth: number
}

/** Every key of a schema with the places where it may stand. */
export type KeyIndex = ReadonlyMap<string, readonly Home[]>

/** Names that other proxies have for our keys. */
const SYNONYMS: Readonly<Record<string, string>> = {
  target: 'upstream',
  backend: 'upstream',
  origin: 'upstream',
  service: 'upstream',
  proxy_pass: 'upstream',
  reverse_proxy: 'upstream',
  url: 'upstream',
  domain: 'host',
  hostname: 'host',
  server_name: 'host',
  location: 'path',
  prefix: 'path',
  strip_prefix: 'rewrite_path',
  client_max_body_size: 'body_size',
  max_body_size: 'body_size',
  proxy_read_timeout: 'response_timeout',
  certificate: 'cert',
}

/** @param root the schema of the file; `routes` opens the scope of routes */
export function indexKeys(root: Kind): KeyIndex {
  const index = new Map<string, Home[]>()
  const visit = (schema: Kind, place: Home): void => {
    const { scope, block, depth } = place
    if (schema.inner !== undefined) visit(schema.inner, place)
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const homes = index.get(key) ?? []
      if (!homes.some(home => home.scope === scope && home.block === block)) homes.push(place)
      index.set(key, homes)
      if (key === 'routes') visit(value, { scope: 'route', block: null, depth: 0 })
      else if (key !== 'defaults') visit(value, { scope, block: key, depth: depth + 1 })
    }
  }
  visit(root, { scope: 'top', block: null, depth: 0 })
  return index
}

/**
 * The message for an unknown key.
 * @param known the keys that may stand here
 * @param scope where the block stands that holds the key
 */
export function explainUnknownKey(
  key: string,
  known: readonly string[],
  scope: Home['scope'],
  index: KeyIndex,
): string {
  const start = `unknown key ${quote(key)}`
  const synonym = Object.hasOwn(SYNONYMS, key) ? SYNONYMS[key] : undefined
  if (synonym !== undefined && known.includes(synonym)) return `${start}, did you mean ${quote(synonym)}`
  const homes = index.get(key)
  if (homes !== undefined) return `${start} here, it belongs ${describeHomes(homes, scope)}`
  const near = nearest(key, known) ?? nearest(key, [...index.keys()]) ?? synonym
  if (near === undefined) return `${start}, expected ${listOf(known)}`
  const elsewhere = known.includes(near) ? '' : ` (which belongs ${describeHomes(index.get(near) ?? [], scope)})`
  return `${start}, did you mean ${quote(near)}${elsewhere}`
}

function describeHomes(homes: readonly Home[], scope: Home['scope']): string {
  const same = homes.filter(home => home.scope === scope)
  const nearby = same.length > 0 ? same : homes
  // What stands deeper under the same name is most often something special.
  const least = Math.min(...nearby.map(({ depth }) => depth))
  return nearby
    .filter(({ depth }) => depth === least)
    .slice(0, 3)
    .map(home => describeHome(home, scope))
    .join(' or ')
}

function describeHome(home: Home, scope: Home['scope']): string {
  if (home.block === null)
    return home.scope === 'top' ? 'at the top level of the file' : 'on a route or under "defaults"'
  const where =
    home.scope === scope
      ? ''
      : home.scope === 'top'
        ? ' at the top level of the file'
        : ' on a route or under "defaults"'
  return `in ${quote(home.block)}${where}`
}

function listOf(known: readonly string[]): string {
  return known.length === 1 ? quote(known[0] ?? '') : `one of ${known.map(key => quote(key)).join(', ')}`
}

/** The nearest candidate within a third of the letters, blind to case, dashes and underscores; the first of equals. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = flatten(word)
  if (plain.length === 0 || plain.length > 40) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.min(3, Math.floor(plain.length / 3))) + 1
  for (const candidate of candidates) {
    const distance = editDistance(plain, flatten(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function flatten(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '')
}

/** Optimal string alignment: insertions, deletions, replacements and swapped neighbours cost one each. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      row.push(swapped ? Math.min(edits, (beforeLast[j - 2] ?? 0) + 1) : edits)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
