/** The front page asked for directly, with and without what the gateway adds: which of it the app minds. */

import type { RouteConfig } from '../../config/types.ts'
import type { Explanation } from '../../explain/types.ts'
import type { AroundFacts, Expected, MountFacts, Trial } from '../facts.ts'
import type { Door, Origin } from '../places.ts'
import { ask } from '../probes/ask.ts'
import { knock } from '../probes/raw.ts'
import type { Fields } from '../seen.ts'

const KNOCK_MS = 3_000

/** What tells an app of its visitor; all else that a route sets may be a secret, and `explain` hides those. */
const FORWARDING = /^(x-forwarded-|forwarded$|x-real-ip$|x-script-name$)/

export function readExpected({ route, sent, refusal }: Explanation): Expected {
  const all = sent === null ? [] : [...sent.request.kept, ...sent.request.added]
  const fields: Fields = all.map(({ name, value }) => [name.toLowerCase(), value])
  return {
    route: route?.name ?? null,
    target: sent?.target ?? '',
    host: sent?.host ?? '',
    forwarding: fields.filter(([name, value]) => FORWARDING.test(name) && value !== ''),
    refusal: refusal === null ? null : { status: refusal.status, message: refusal.message },
  }
}

/** @param target path and query at the origin */
export async function tryAt(
  { place, authority }: Origin,
  { host, forwarding }: Expected,
  target: string,
): Promise<Trial> {
  const [alone, named, forwarded] = await Promise.all([
    ask(place, { target, host: authority }),
    ask(place, { target, host }),
    ask(place, { target, host, fields: forwarding }),
  ])
  return { target, alone, named, forwarded }
}

export async function gatherAround(origin: Origin, expected: Expected, door: Door): Promise<AroundFacts> {
  const { target, host } = expected
  const [trial, publicName, knocked] = await Promise.all([
    tryAt(origin, expected, target),
    host === door.host ? null : ask(origin.place, { target, host: door.host }),
    knock(origin.place, KNOCK_MS),
  ])
  return { ...trial, publicName, gatewayAddress: knocked.localAddress ?? '127.0.0.1' }
}

export async function gatherMount(route: RouteConfig, { place }: Origin, expected: Expected): Promise<MountFacts> {
  const { match, rewritePath } = route
  const none = { unstripped: null, stripped: null }
  if (match.path === '/') return none
  const { host, forwarding: fields } = expected
  if (rewritePath === null) return { ...none, stripped: await ask(place, { target: '/', host, fields }) }
  return { ...none, unstripped: await ask(place, { target: `${match.path.replace(/\/+$/, '')}/`, host, fields }) }
}
