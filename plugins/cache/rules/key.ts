/**
 * The primary key of an answer (RFC 9111 §2): scheme, host and exactly the target that goes upstream, and what the route
 * adds. A part is never rewritten into a prettier form: what an origin may tell apart is told apart here.
 */
import { lineValues } from './fields.ts'
import type { KeySettings, RequestHead } from './types.ts'
import { normaliseBlanks } from './vary.ts'

export interface PrimaryKey {
  /** Beginning of all keys of this URL, whatever the route adds; ends in a line feed, which no target can hold. */
  readonly url: string
  readonly key: string
}

export type KeyRequest = Pick<RequestHead, 'scheme' | 'host' | 'target' | 'headers'>

export function primaryKey(request: KeyRequest, settings: KeySettings): PrimaryKey {
  const host = settings.host === false ? '*' : request.host
  const url = `${request.scheme} ${host} ${keyedTarget(request.target, settings.ignoreQuery)}\n`
  const { headers = [], cookies = [] } = settings
  if (headers.length === 0 && cookies.length === 0) return { url, key: url }
  const parts = [...headers.map(name => fieldPart(request, name)), ...cookies.map(name => cookiePart(request, name))]
  return { url, key: url + JSON.stringify(parts) }
}

/**
 * The target without the parameters that are no part of the key. Send this one upstream, too: a parameter that the
 * origin sees and the key does not would let one client choose what others get.
 */
export function keyedTarget(target: string, ignoreQuery: KeySettings['ignoreQuery']): string {
  if (ignoreQuery === undefined || ignoreQuery.length === 0) return target
  const question = target.indexOf('?')
  if (question === -1) return target
  const path = target.slice(0, question)
  if (ignoreQuery === 'all') return path
  const all = target.slice(question + 1).split('&')
  const kept = all.filter(parameter => !isIgnored(parameter, ignoreQuery))
  if (kept.length === all.length) return target
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

/** Names are compared as they are spelled; an escaped spelling stays in the key. */
function isIgnored(parameter: string, names: readonly string[]): boolean {
  const equals = parameter.indexOf('=')
  const name = equals === -1 ? parameter : parameter.slice(0, equals)
  return names.some(each => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each))
}

/** Null and the empty text are different values. */
function fieldPart(request: KeyRequest, name: string): string | null {
  const lines = lineValues(request.headers, name.toLowerCase())
  return lines.length === 0 ? null : normaliseBlanks(lines.join(', '))
}

function cookiePart(request: KeyRequest, name: string): readonly string[] {
  const values: string[] = []
  for (const line of lineValues(request.headers, 'cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=')
      if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim())
    }
  }
  return values
}
