/**
 * Says for one request what became of every route: won, or why not. It compares each rule by itself instead of asking
 * the index, so that a person sees all of them.
 */

import { canonicalPath, collapseSlashes, looseReadings } from '../../plugins/contract/index.ts'
import { type HostPattern, matchesHost } from './host.ts'
import type { Rule } from './host-levels.ts'
import type { Match } from './match.ts'

/** `refused`: the request was malformed for this route's prefix or at large, so no route was taken. */
export type Verdict =
  | 'won'
  | 'host-differs'
  | 'path-differs'
  | 'refused'
  | 'deny-wins'
  | 'host-less-specific'
  | 'path-shorter'
  | 'later-in-file'

/** One route under one of its hosts, as written by `pattern` and normalised. */
export interface Considered<R> {
  readonly route: R
  readonly host: HostPattern
  readonly verdict: Verdict
}

/** `readings` are the forms of the path that were compared, decoded for people; empty where the path was refused. */
export interface Explanation<R> {
  readonly match: Match<R>
  readonly readings: readonly string[]
  readonly considered: readonly Considered<R>[]
}

interface Request<R> {
  readonly host: string
  readonly path: string
  readonly match: Match<R>
}

/** Explains `match`, in the order of the file. */
export function explainRules<R extends { readonly deny: boolean }>(
  rules: readonly Rule<R>[],
  request: Request<R>,
): Explanation<R> {
  const readings = readingsOf(request.path === '*' ? '/' : request.path)
  const fitting = new Set(rules.filter(rule => matchesHost(rule.host, request.host) && fits(rule, readings)))
  const winner = findWinner([...fitting], request.match)
  const considered = rules.map(rule => ({
    route: rule.route,
    host: rule.host,
    verdict: fitting.has(rule) ? judge(rule, winner, request.match) : missOf(rule, request.host, readings),
  }))
  return { match: request.match, readings: readings.map(readable), considered }
}

function readingsOf(path: string): readonly string[] {
  const canonical = canonicalPath(path)
  if (!canonical.ok) return []
  const { decoded } = canonical
  return [...new Set([decoded, collapseSlashes(decoded), ...looseReadings(decoded)])]
}

function fits<R>(rule: Rule<R>, readings: readonly string[]): boolean {
  const { key, looseKey } = rule.mount
  return readings.some(reading => isUnder(reading, key) || isUnder(reading, looseKey))
}

function isUnder(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
}

function missOf<R>(rule: Rule<R>, host: string, readings: readonly string[]): Verdict {
  if (!matchesHost(rule.host, host)) return 'host-differs'
  return readings.length === 0 ? 'refused' : 'path-differs'
}

function findWinner<R>(fitting: readonly Rule<R>[], match: Match<R>): Rule<R> | undefined {
  if (match.kind !== 'route' && match.kind !== 'denied') return undefined
  let winner: Rule<R> | undefined
  for (const rule of fitting) {
    if (rule.route !== match.route) continue
    if (winner === undefined || specificity(rule.host) > specificity(winner.host)) winner = rule
  }
  return winner
}

function judge<R extends { readonly deny: boolean }>(
  rule: Rule<R>,
  winner: Rule<R> | undefined,
  match: Match<R>,
): Verdict {
  if (winner === undefined) return match.kind === 'bad' ? 'refused' : 'path-differs'
  if (rule === winner) return 'won'
  if (winner.route.deny && !rule.route.deny) return 'deny-wins'
  if (specificity(rule.host) < specificity(winner.host)) return 'host-less-specific'
  return rule.mount.key.length < winner.mount.key.length ? 'path-shorter' : 'later-in-file'
}

/** Orders host patterns: exact, then wildcards by length, then any. */
function specificity(host: HostPattern): number {
  if (host.kind === 'exact') return Number.POSITIVE_INFINITY
  return host.kind === 'wildcard' ? host.name.length : 0
}

/** A reading fit for a terminal: kept separators, controls and bytes outside ASCII as escapes. */
function readable(reading: string): string {
  let text = ''
  for (const character of reading.replaceAll('\u0100', '%2F').replaceAll('\u0101', '%5C')) {
    const code = character.charCodeAt(0)
    const isVisible = code >= 0x20 && code < 0x7f
    text += isVisible ? character : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
