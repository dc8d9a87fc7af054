/** Named matchers of a Caddyfile, as far as they ask for what a route can ask for: paths, hosts, and addresses. */
import type { Statement } from './blocks.ts'

export interface Matcher {
  readonly paths: readonly string[]
  readonly hosts: readonly string[]
  /** It matches whoever comes from one of these networks; empty = it does not ask. */
  readonly from: readonly string[]
  /** It matches whoever comes from none of these networks; empty = it does not ask. */
  readonly notFrom: readonly string[]
  /** It asks for something else as well. */
  readonly isMore: boolean
}

export type Matchers = ReadonlyMap<string, Matcher>

/** What Caddy means by this word. */
const PRIVATE = ['192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/8', '127.0.0.0/8', 'fd00::/8', '::1']

const isAddressKind = (kind: string | undefined) => kind === 'remote_ip' || kind === 'client_ip'

/** @param words behind the name, where it is written in one line  @param block its lines, where it has such */
export function readMatcher(words: readonly string[], block: readonly Statement[] | null): Matcher {
  const lines = block === null ? [words] : block.map(inner => inner.words)
  const of = (kind: string) => lines.filter(line => line[0] === kind)
  const positive = lines.filter(([kind]) => isAddressKind(kind))
  const negative = of('not').filter(([, kind]) => isAddressKind(kind))
  const known = of('path').length + of('host').length + positive.length + negative.length
  // Lines of one kind each narrow it further, which one list cannot say.
  const isTwice = [of('path'), of('host'), positive, negative].some(same => same.length > 1)
  return {
    paths: of('path').flatMap(line => line.slice(1)),
    hosts: of('host').flatMap(line => line.slice(1)),
    from: networksOf(positive.flatMap(line => line.slice(1))),
    notFrom: networksOf(negative.flatMap(line => line.slice(2))),
    isMore: known === 0 || known < lines.length || isTwice || (positive.length > 0 && negative.length > 0),
  }
}

function networksOf(words: readonly string[]): readonly string[] {
  return words.filter(word => word !== 'forwarded').flatMap(word => (word === 'private_ranges' ? PRIVATE : [word]))
}
