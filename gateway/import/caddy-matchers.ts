/** Named matchers of a Caddyfile, as far as they ask for what a route can ask for: a path, hosts, and addresses kept out. */
import type { Statement } from './blocks.ts'

export interface Matcher {
  readonly path: string | null
  readonly hosts: readonly string[]
  /** It matches whoever comes from none of these networks. */
  readonly notFrom: readonly string[]
  /** It asks for something else as well. */
  readonly isMore: boolean
}

export type Matchers = ReadonlyMap<string, Matcher>

/** What Caddy means by this word. */
const PRIVATE = ['192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/8', '127.0.0.0/8', 'fd00::/8', '::1']

/** @param words behind the name, where it is written in one line  @param block its lines, where it has such */
export function readMatcher(words: readonly string[], block: readonly Statement[] | null): Matcher {
  const lines = block === null ? [words] : block.map(inner => inner.words)
  const of = (kind: string) => lines.filter(line => line[0] === kind)
  const paths = of('path').flatMap(line => line.slice(1))
  const negated = of('not').filter(([, kind]) => kind === 'remote_ip' || kind === 'client_ip')
  const networks = negated.flatMap(line => line.slice(2)).filter(word => word !== 'forwarded')
  const known = paths.length + of('host').length + negated.length
  const isMore =
    paths.length > 1 || negated.length > 0 || known === 0 || lines.length > of('path').length + of('host').length
  return {
    path: paths[0] ?? null,
    hosts: of('host').flatMap(line => line.slice(1)),
    // Together with another condition it keeps out fewer.
    notFrom:
      negated.length === 1 && lines.length === 1
        ? networks.flatMap(net => (net === 'private_ranges' ? PRIVATE : [net]))
        : [],
    isMore,
  }
}
