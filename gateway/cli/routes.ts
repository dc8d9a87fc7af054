/**
 * `hearthgate routes`: the routing table in the order in which it decides: denies first, then the most specific host,
 * then the longest path.
 */
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { withoutControls } from '../config/problem.ts'
import type { OriginConfig, RouteConfig } from '../config/types.ts'
import { refuseConfig } from './check.ts'
import { formatTable, painter } from './format.ts'
import type { CliIo } from './io.ts'

export interface RoutesArguments {
  /** Path of the file, relative to the working folder. */
  readonly config: string
  readonly json?: boolean
  readonly partial?: boolean
}

/** One host and path of a route. */
export interface RoutingEntry {
  readonly host: string
  readonly path: string
  readonly route: string
  readonly deny: boolean
  readonly upstream: readonly OriginConfig[]
  readonly rewritePath: string | null
  readonly fault: string | null
}

/** Returns the exit code: 0, or 78 where the configuration cannot be used. */
export function runRoutes({ config, json = false, partial = false }: RoutesArguments, io: CliIo): number {
  const result = loadConfig(resolve(io.cwd, config), { env: io.env, partial })
  if (!result.ok) return refuseConfig(result.problems, io)
  const entries = listEntries(result.config.routes)
  io.stdout.write(json ? `${JSON.stringify(entries, null, 2)}\n` : formatEntries(entries, io.color))
  return 0
}

/** Every host and path of the routes, the first to decide first. */
export function listEntries(routes: readonly RouteConfig[]): RoutingEntry[] {
  const entries = routes.flatMap(({ name, match, deny, upstream, rewritePath, fault }) =>
    match.hosts.map(host => ({
      host,
      path: match.path,
      route: name,
      deny,
      upstream,
      rewritePath,
      fault,
    })),
  )
  return entries.toSorted(
    (a, b) =>
      Number(b.deny) - Number(a.deny) ||
      rankOf(b.host) - rankOf(a.host) ||
      (a.host < b.host ? -1 : a.host > b.host ? 1 : 0) ||
      b.path.length - a.path.length ||
      (a.path < b.path ? -1 : 1),
  )
}

/** Exact names first, then wildcards by their labels, then `*`. */
function rankOf(host: string): number {
  if (host === '*') return 0
  return host.startsWith('*.') ? host.split('.').length : Number.MAX_SAFE_INTEGER
}

function formatEntries(entries: readonly RoutingEntry[], color: boolean): string {
  const paint = painter(color)
  const rows = entries.map(entry => [entry.host, entry.path, entry.route, withoutControls(outcomeOf(entry))])
  const [heading = '', ...lines] = formatTable([['HOST', 'PATH', 'ROUTE', 'UPSTREAM'], ...rows])
  const painted = lines.map((line, i) => (entries[i]?.deny || entries[i]?.fault ? paint('red', line) : line))
  return `${[paint('bold', heading), ...painted].join('\n')}\n`
}

function outcomeOf({ deny, fault, upstream, rewritePath }: RoutingEntry): string {
  if (deny) return 'denied (403)'
  if (fault !== null) return `not served (503): ${fault}`
  const origins = upstream.map(({ url, weight }) => (weight === 1 ? url : `${url} x${weight}`))
  return `${origins.join(', ')}${rewritePath === null ? '' : `  path becomes ${rewritePath}`}`
}
