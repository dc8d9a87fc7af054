/**
 * The route table: which route answers for a host and a path, and what path goes upstream. Compiled once a reload,
 * read-only afterwards, so that a reload swaps one reference. Deny rules win over every route and over all readings
 * of a path; a route must be the right one for all of them.
 */

import { canonicalPath, collapseSlashes, isPlainPath, looseReadings } from '../../plugins/contract/index.ts'
import { type Explanation, explainRules } from './explain.ts'
import { parseHostPattern } from './host.ts'
import { type HostChain, type HostLevel, HostLevels, type Rule } from './host-levels.ts'
import type { BadReason, Match } from './match.ts'
import { compileMount, spelledPrefixLength, upstreamPath } from './mount.ts'

/** The part of a route's configuration that routing reads. */
export interface RoutingRule {
  readonly name: string
  readonly match: { readonly hosts: readonly string[]; readonly path: string }
  readonly deny: boolean
  readonly rewritePath: string | null
  readonly fault: string | null
}

const REASONS = { exact: 'host-exact', wildcard: 'host-wildcard', any: 'host-any' } as const
const NO_HOST = { kind: 'none', reason: 'no-route-for-host' } as const
const NO_PATH = { kind: 'none', reason: 'no-route-for-path' } as const

/**
 * Makes the table. Throws a TypeError that names the route if `routingProblem` has one, unless the route is marked as
 * faulty already: then what is readable of it still answers. A deny rule is never dropped in that way.
 */
export function compileRoutes<R extends RoutingRule>(routes: readonly R[]): RouteTable<R> {
  const rules: Rule<R>[] = []
  for (const route of routes) {
    const problem = routingProblem(route)
    if (problem !== null && (route.fault === null || route.deny)) {
      throw new TypeError(`route '${route.name}': ${problem}`)
    }
    const compiled = compileMount(route.match.path, problem === null ? route.rewritePath : null)
    if (!compiled.ok) continue
    for (const text of route.match.hosts) {
      const host = parseHostPattern(text)
      if (host !== null) rules.push({ route, mount: compiled.mount, host })
    }
  }
  return new RouteTable(rules)
}

/** What is wrong with a route's hosts or paths, in words for the person who wrote them; null = nothing. */
export function routingProblem(route: RoutingRule): string | null {
  const invalid = route.match.hosts.find(text => parseHostPattern(text) === null)
  if (invalid !== undefined) return `host "${invalid}" is neither a host name, "*.name" nor "*"`
  const compiled = compileMount(route.match.path, route.rewritePath)
  return compiled.ok ? null : compiled.problem
}

/** See `compileRoutes`. */
export class RouteTable<R extends RoutingRule> {
  readonly #rules: readonly Rule<R>[]
  readonly #hosts: HostLevels<R>

  constructor(rules: readonly Rule<R>[]) {
    this.#rules = rules
    this.#hosts = new HostLevels(rules.map(rule => ({ rule, deny: rule.route.deny })))
  }

  /** Decides for a host name as `parseTarget` gives it and a raw path without query (or `*`). */
  match(host: string, path: string): Match<R> {
    const chain = this.#hosts.find(host)
    if (!isPlainPath(path)) return path === '*' ? matchServer(chain) : matchReadings(chain, path)
    const denial = findDenial(chain, path)
    if (denial !== undefined) return denied(denial)
    const rule = findRule(chain.levels, path)
    if (rule === undefined) return noMatch(chain)
    const { key, base } = rule.mount
    return routed(rule, base === null ? path : upstreamPath(rule.mount, path, key.length))
  }

  /** The same decision with what became of every route, for `hearthgate explain`. */
  explain(host: string, path: string): Explanation<R> {
    return explainRules(this.#rules, { host, path, match: this.match(host, path) })
  }
}

/** The path has several readings: a deny rule may match any of them, a route has to be the deepest for all. */
function matchReadings<R>(chain: HostChain<R>, raw: string): Match<R> {
  const canonical = canonicalPath(raw)
  if (!canonical.ok) return bad(canonical.reason)
  const readings = looseReadings(canonical.decoded)
  for (const reading of readings) {
    const denial = findDenial(chain, reading)
    if (denial !== undefined) return denied(denial)
  }
  const deepest = findDeepest(chain.levels, readings)
  if (deepest === undefined) return noMatch(chain)
  const strict = findRule(chain.levels, canonical.decoded)
  if (isSamePlace(strict, deepest)) return routeSpelled(strict, canonical.sent, false)
  const collapsed = findRule(chain.levels, collapseSlashes(canonical.decoded))
  if (isSamePlace(collapsed, deepest)) return routeSpelled(collapsed, canonical.sent, true)
  return bad('prefix-ambiguous')
}

/** `OPTIONS *` asks about the whole server: what holds for its root, but no base path can stand for it. */
function matchServer<R>(chain: HostChain<R>): Match<R> {
  const denial = findDenial(chain, '/')
  if (denial !== undefined) return denied(denial)
  const rule = findRule(chain.levels, '/')
  if (rule === undefined) return noMatch(chain)
  return rule.mount.base === null ? routed(rule, '*') : bad('asterisk-under-mount')
}

function routeSpelled<R>(rule: Rule<R>, sent: string, collapsed: boolean): Match<R> {
  return routed(rule, upstreamPath(rule.mount, sent, spelledPrefixLength(sent, rule.mount.key, collapsed)))
}

function findDenial<R>(chain: HostChain<R>, reading: string): Rule<R> | undefined {
  for (const denies of chain.denies) {
    const rule = denies.longest(reading)
    if (rule !== undefined) return rule
  }
  return undefined
}

function findRule<R>(levels: readonly HostLevel<R>[], path: string): Rule<R> | undefined {
  for (const level of levels) {
    const rule = level.strict.longest(path)
    if (rule !== undefined) return rule
  }
  return undefined
}

function findDeepest<R>(levels: readonly HostLevel<R>[], readings: readonly string[]): Rule<R> | undefined {
  for (const level of levels) {
    let deepest: Rule<R> | undefined
    for (const reading of readings) {
      const rule = level.loose.longest(reading)
      if (rule === undefined) continue
      if (deepest === undefined || rule.mount.looseKey.length > deepest.mount.looseKey.length) deepest = rule
    }
    if (deepest !== undefined) return deepest
  }
  return undefined
}

/** Same host level and same prefix; the routes may differ where the file spells one prefix in two ways. */
function isSamePlace<R>(rule: Rule<R> | undefined, other: Rule<R>): rule is Rule<R> {
  if (rule === undefined || rule.mount.looseKey !== other.mount.looseKey) return false
  return rule.host.kind === other.host.kind && rule.host.name === other.host.name
}

function routed<R>(rule: Rule<R>, path: string): Match<R> {
  return { kind: 'route', route: rule.route, path, reason: REASONS[rule.host.kind] }
}

function denied<R>(rule: Rule<R>): Match<R> {
  return { kind: 'denied', route: rule.route, reason: 'deny-rule' }
}

function noMatch<R>(chain: HostChain<R>): Match<R> {
  return chain.levels.length === 0 ? NO_HOST : NO_PATH
}

function bad<R>(reason: BadReason): Match<R> {
  return { kind: 'bad', status: 400, reason }
}
