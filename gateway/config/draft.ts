/**
 * A configuration between YAML and `GatewayConfig`: what was read, where it stands and what is wrong with it.
 */
import { complete, isBlock, overlay, type Sparse } from './complete.ts'
import type { Environment } from './env.ts'
import { findPreset, overDefaults } from './presets.ts'
import type { Place } from './problem.ts'
import { readNode } from './read.ts'
import { addSlip, type ReadContext, type Slip, TOP, type Written } from './read-context.ts'
import { configSchema, routeSchema } from './schema.ts'
import { indexKeys } from './suggest.ts'
import type { GatewayConfig, OriginConfig, RouteConfig } from './types.ts'
import type { YamlSource } from './yaml-source.ts'

/** A route as far as it can be read. `path` is its path in the YAML, `routes.0`. */
export interface RouteDraft {
  readonly path: string
  /** Its name, or `#1` where that cannot be read. */
  readonly name: string
  readonly hosts: readonly string[]
  readonly matchPath: string
  /** `deny: true`, or a `deny` that cannot be read. */
  readonly deny: boolean
  readonly upstream: readonly OriginConfig[]
  /** Blocks completed by `defaults` and the schema; named as in `RouteConfig`. */
  readonly blocks: Sparse
}

export interface Draft {
  readonly globals: Omit<GatewayConfig, 'file' | 'routes'>
  readonly routes: readonly RouteDraft[]
  /** Every value that was written, by its path in the YAML. */
  readonly written: ReadonlyMap<string, Written>
  readonly slips: Slip[]
  /** Paths of the slips and of everything that holds them. */
  readonly faulty: Set<string>
}

const index = indexKeys(configSchema)

/** @param folder absolute folder of the file */
export function draftConfig(source: YamlSource, folder: string, environment: Environment): Draft {
  const context: ReadContext = {
    source,
    folder,
    environment,
    index,
    slips: [],
    faulty: new Set(),
    written: new Map(),
    visited: 0,
  }
  const read = readNode(configSchema, source.root, TOP, context)
  const { defaults, routes: _routes, ...globals } = isBlock(read) ? read : {}
  const completed = complete(configSchema, globals, folder) as GatewayConfig & { defaults: unknown }
  const { defaults: _completed, routes: _none, ...rest } = completed
  return {
    globals: rest,
    routes: draftRoutes(context, defaults, folder),
    written: context.written,
    slips: context.slips,
    faulty: context.faulty,
  }
}

function draftRoutes({ written, faulty }: ReadContext, defaults: unknown, folder: string): RouteDraft[] {
  const drafts: RouteDraft[] = []
  for (let path = 'routes.0'; written.has(path); path = `routes.${drafts.length}`) {
    const value = written.get(path)?.value
    const route = isBlock(value) ? value : {}
    const { name, match, deny, upstream, ...blocks } = complete(
      routeSchema,
      overlay(underRoute(defaults, route), route),
      folder,
    ) as {
      name?: string
      match: { host: readonly string[]; path: string }
      deny: boolean
      upstream: readonly OriginConfig[]
    }
    drafts.push({
      path,
      name: name ?? `#${drafts.length + 1}`,
      // A match that cannot be read matches nothing, rather than everything that the defaults stand for.
      hosts: isBlock(value) && !faulty.has(`${path}.match`) ? match.host : readableHosts(written, faulty, path),
      matchPath: match.path,
      deny: deny || faulty.has(`${path}.deny`),
      upstream,
      blocks: blocks as Sparse,
    })
  }
  return drafts
}

/** What holds for a route where it says nothing itself. */
function underRoute(defaults: unknown, { preset }: Sparse): unknown {
  const found = typeof preset === 'string' ? findPreset(preset) : null
  return found === null ? (defaults ?? {}) : overDefaults(defaults, found.route)
}

/** The hosts of a faulty match: those that can be read, as long as the path can be read too. */
function readableHosts(
  written: ReadonlyMap<string, Written>,
  faulty: ReadonlySet<string>,
  path: string,
): readonly string[] {
  const hosts = written.get(`${path}.match.host`)?.value
  const pathReads = written.has(`${path}.match.path`) ? !faulty.has(`${path}.match.path`) : true
  return pathReads && Array.isArray(hosts) ? hosts : []
}

/** Where the value stands that is nearest above `path`. */
export function placeOf(draft: Draft, path: string): Place {
  const found = draft.written.get(path)
  if (found !== undefined) return found.place
  const parent = path.lastIndexOf('.')
  return parent === -1 ? TOP.place : placeOf(draft, path.slice(0, parent))
}

/** Path of the i-th item where a single one may stand without brackets. */
export function itemPath(draft: Draft, list: string, i: number): string {
  return draft.written.has(`${list}.${i}`) ? `${list}.${i}` : list
}

/** Path of the item of a list that satisfies `isMeant`; of the list itself where it is a single item. */
export function findItemPath(draft: Draft, list: string, isMeant: (value: unknown) => boolean): string {
  for (let i = 0; draft.written.has(`${list}.${i}`); i++) {
    if (isMeant(draft.written.get(`${list}.${i}`)?.value)) return `${list}.${i}`
  }
  return list
}

export function objectTo(draft: Draft, path: string, message: string): void {
  addSlip(draft, { path, place: placeOf(draft, path), message })
}

/** The route as the gateway uses it. */
export function finishRoute(draft: RouteDraft, fault: string | null): RouteConfig {
  const { limits, ...blocks } = draft.blocks as unknown as RouteConfig
  const { responseTimeoutMs = blocks.requestOptimization.timeoutMs } = limits as Partial<RouteConfig['limits']>
  return {
    ...blocks,
    name: draft.name,
    match: { hosts: draft.hosts, path: draft.matchPath },
    deny: draft.deny,
    upstream: draft.deny ? [] : draft.upstream,
    limits: { ...limits, responseTimeoutMs },
    fault,
  }
}
