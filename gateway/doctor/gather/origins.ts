/** Whether the origins of a route answer, and where they would where they do not: another scheme, or another port. */

import { inBrackets } from '../../config/local-address.ts'
import { findPreset } from '../../config/presets.ts'
import type { RouteConfig } from '../../config/types.ts'
import type { OriginFacts } from '../facts.ts'
import { type Origin, originOf } from '../places.ts'
import { ask } from '../probes/ask.ts'
import { knock } from '../probes/raw.ts'
import { isAnswer, type Seen } from '../seen.ts'

/** Longest wait for a port that may be another's. */
const KNOCK_MS = 1_500
/** A server that speaks the other scheme says so at once. */
const OTHER_SCHEME_MS = 2_000

export async function gatherOrigins(
  route: RouteConfig,
  urls: readonly string[],
  target: string,
): Promise<OriginFacts[]> {
  const origins = urls.flatMap(url => originOf(url, route.tls.serverName) ?? [])
  return await Promise.all(origins.map(origin => examineOrigin(route, origin, target)))
}

async function examineOrigin(route: RouteConfig, origin: Origin, target: string): Promise<OriginFacts> {
  const seen = await ask(origin.place, { target, host: origin.authority })
  return { origin, seen, better: await findBetter(route, origin, { target, seen }) }
}

type Tried = { readonly target: string; readonly seen: Seen }

async function findBetter(route: RouteConfig, origin: Origin, tried: Tried): Promise<OriginFacts['better']> {
  const { port, host } = origin
  if (port === null || host === null) return null
  const { seen } = tried
  if (isAnswer(seen) && seen.status !== 400) return null
  if (isAnswer(seen) || !DOES_NOT_LISTEN.has(seen.code)) return await otherScheme(origin, tried)
  const preset = findPreset(route.preset ?? route.name)
  const ports = preset?.ports ?? []
  for (const other of ports.filter(one => one !== port)) {
    const place = { ...origin.place, secure: false, to: { host, port: other } }
    if ((await knock(place, KNOCK_MS)).code !== null) continue
    const url = `http://${inBrackets(host)}:${other}`
    return { url, why: `something listens on ${other}, where ${preset?.title} is by default` }
  }
  return null
}

/** Of a connection, not of what is spoken on it. */
const DOES_NOT_LISTEN: ReadonlySet<string> = new Set([
  ...[
    'ECONNREFUSED',
    'TIMEOUT',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOENT',
    'EACCES',
  ],
])

/** The same port with TLS instead of without, or the other way round. */
async function otherScheme({ place, url }: Origin, { target, seen: first }: Tried): Promise<OriginFacts['better']> {
  const secure = !place.secure
  const other = url.replace(/^https?:/, secure ? 'https:' : 'http:')
  const { host } = new URL(other)
  const seen = await ask({ ...place, secure }, { target, host, timeoutMs: OTHER_SCHEME_MS })
  if (!isAnswer(seen) || (seen.status === 400 && isAnswer(first))) return null
  return { url: other, why: `it speaks ${secure ? 'TLS' : 'plain HTTP'} there` }
}
