/**
 * Reads what a purge names: one JSON object with one key. Addresses are brought into the form in which the cache keeps
 * them. Pure.
 */
import type { PurgeSelector } from '../../plugins/cache/index.ts'
import { readPublicAddress } from './public-address.ts'

export type PurgeReading =
  | { readonly ok: true; readonly selector: PurgeSelector }
  | { readonly ok: false; readonly problem: string }

const KEYS = ['url', 'prefix', 'route', 'tag', 'all']
const FORMS = '{ "url": "…" }, { "prefix": "…" }, { "route": "…" }, { "tag": "…" } or { "all": true }'
/** Longest list of routes in a message. */
const MOST_ROUTES = 50

const refuse = (problem: string): PurgeReading => ({ ok: false, problem })

/** @param routes names of the routes of the configuration */
export function readPurge(body: unknown, routes: readonly string[]): PurgeReading {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return refuse(`write one of ${FORMS}`)
  const entries = Object.entries(body)
  const unknown = entries.find(([key]) => !KEYS.includes(key))
  if (unknown !== undefined) return refuse(`unknown key ${quoted(unknown[0])}: write one of ${FORMS}`)
  const [first, ...more] = entries
  if (first === undefined || more.length > 0) return refuse(`write exactly one of ${FORMS}`)
  return readEntry(first, routes)
}

function readEntry([key, value]: [string, unknown], routes: readonly string[]): PurgeReading {
  if (key === 'all') return value === true ? select({ by: 'all' }) : refuse('"all" can only be true')
  if (typeof value !== 'string' || value === '') return refuse(`"${key}" must be a text that is not empty`)
  if (key === 'tag') return select({ by: 'tag', value })
  if (key === 'route') return readRoute(value, routes)
  const address = readPublicAddress(value)
  if (!address.ok) return refuse(`"${key}": ${address.problem}`)
  return select({ by: key === 'url' ? 'url' : 'prefix', value: address.value })
}

function readRoute(name: string, routes: readonly string[]): PurgeReading {
  if (routes.includes(name)) return select({ by: 'route', value: name })
  const known = routes.slice(0, MOST_ROUTES).join(', ')
  const all = routes.length > MOST_ROUTES ? `${known}, …` : known
  return refuse(`there is no route ${quoted(name)}; the routes are: ${all === '' ? 'none' : all}`)
}

function select(selector: PurgeSelector): PurgeReading {
  return { ok: true, selector }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
