/** Lines for apps: those of their presets where one is known, else what every app has in some form. Pure. */
import { type AppAdvice, findPreset, type Preset } from '../../config/presets.ts'
import type { RouteConfig } from '../../config/types.ts'
import type { RouteFacts } from '../facts.ts'
import { inApp, type Remedy } from '../findings.ts'

/** Null where the app is unknown or has no preset. */
export function presetOf({ known }: Pick<RouteFacts, 'known'>): Preset | null {
  return known === null || known.preset === null ? null : findPreset(known.preset)
}

/** What the preset of the app sets of a block of a route; what it leaves alone is undefined. */
export function presetBlock<B extends 'headers' | 'limits' | 'protocol' | 'webdav'>(
  facts: Pick<RouteFacts, 'known'>,
  block: B,
): Partial<RouteConfig[B]> {
  return ((presetOf(facts)?.route as Partial<RouteConfig> | undefined)?.[block] ?? {}) as Partial<RouteConfig[B]>
}

/** The line that makes the app believe the gateway. */
export function trustLine(facts: RouteFacts): Remedy {
  const advice = adviceWith(facts, 'GATEWAY')
  if (advice !== null) return filled(advice, facts)
  return inApp('its setting of trusted proxies', addressOf(facts))
}

/** The same where its preset has one; null = nothing is known of the app. */
export function knownTrustLine(facts: RouteFacts): Remedy | null {
  const advice = adviceWith(facts, 'GATEWAY')
  return advice === null ? null : filled(advice, facts)
}

/** The line that tells the app its public name; null where its preset has none. */
export function publicNameLine(facts: RouteFacts): Remedy | null {
  const advice = adviceWith(facts, 'PUBLIC')
  return advice === null ? null : filled(advice, facts)
}

function adviceWith(facts: RouteFacts, word: 'GATEWAY' | 'PUBLIC'): AppAdvice | null {
  return presetOf(facts)?.app.find(({ line }) => line.includes(word)) ?? null
}

function filled({ where, line }: AppAdvice, facts: RouteFacts): Remedy {
  return inApp(where, line.replaceAll('GATEWAY', addressOf(facts)).replaceAll('PUBLIC', facts.door?.host ?? 'PUBLIC'))
}

const addressOf = ({ around }: RouteFacts): string => around?.gatewayAddress ?? '127.0.0.1'

/** Whether the gateway itself asks visitors to sign in, so that the doctor stays outside. */
export function isGuarded({ route, through }: RouteFacts): boolean {
  if (route.access === false || (route.access.basic === null && route.access.forward === null)) return false
  const first = through?.hops[0]?.answer ?? through?.last
  return first?.kind === 'answer' && first.status >= 300
}

export const OUTSIDE = 'the gateway asks visitors to sign in here, and the doctor has no password'

/** Where nothing but the gateway's own account can tell more. Only what is safe can be sent. */
export function explainLine(url: string, method: 'GET' | 'PROPFIND' | 'PUT' = 'GET'): Remedy {
  return inApp('a terminal', `hearthgate explain ${method} ${url}${method === 'GET' ? ' --live' : ''}`)
}
