/** Whether a visitor gets to the app: its origins, the way through the gateway, and the path it stands below. Pure. */

import { inBrackets } from '../../config/local-address.ts'
import { findPreset } from '../../config/presets.ts'
import { formatDuration } from '../../config/units.ts'
import type { OriginFacts, RouteFacts } from '../facts.ts'
import { fail, onRoute, pass, skip, type Verdict, warn } from '../findings.ts'
import { gatewayCode, isAnswer, isFine, isLate, type Seen, told } from '../seen.ts'
import { explainLine, isGuarded, OUTSIDE } from './advice.ts'

export function judgeReach({ route, origins }: RouteFacts): Verdict {
  if (origins.length === 0)
    return skip('its origins speak HTTP/2 in the clear, which is examined only through the gateway')
  const bad = origins.find(({ seen, better }) => !isAnswer(seen) || better !== null)
  if (bad === undefined) return pass(origins.map(({ origin, seen }) => `${origin.url} ${told(seen)}`).join(', '))
  const others = origins.map(one => (one === bad ? (bad.better?.url ?? withoutPort(route, one)) : one.origin.url))
  return fail(`${bad.origin.url} ${told(bad.seen)}: ${whyNot(bad)}`, onRoute(route, upstreamLine(others)))
}

function whyNot({ seen, better }: OriginFacts): string {
  if (better !== null) return better.why
  return (isAnswer(seen) ? undefined : WORDS[seen.code]) ?? 'what listens there does not speak HTTP'
}

/** Codes of the system and of TLS, for people. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at this port; is the app running, and is it this port?',
  ECONNRESET: 'the connection is cut at once',
  TIMEOUT: 'the app is silent, or a firewall swallows the request',
  ETIMEDOUT: 'nobody answers at this address',
  EHOSTUNREACH: 'there is no way to this address',
  ENETUNREACH: 'there is no way to this address',
  ENOTFOUND: 'no machine has this name',
  EAI_AGAIN: 'the name cannot be looked up at the moment',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not open the socket',
}

/** Of an app that is known the port it has by default; of others nobody can say. */
function withoutPort({ preset, name }: RouteFacts['route'], { origin }: OriginFacts): string {
  if (origin.port === null) return 'unix:/PATH/OF/THE.sock'
  const [usual] = (findPreset(preset ?? name)?.ports ?? []).filter(port => port !== origin.port)
  return `${new URL(origin.url).protocol}//${inBrackets(origin.host ?? '')}:${usual ?? 'PORT'}`
}

function upstreamLine(urls: readonly string[]): string {
  return urls.length === 1 ? `upstream: ${urls[0]}` : `upstream: [${urls.map(url => `{ url: '${url}' }`).join(', ')}]`
}

export function judgeGateway(facts: RouteFacts): Verdict {
  const { route, door, expected, through } = facts
  if (door === null || expected === null) return skip('no listener is known')
  const url = door.origin + route.match.path
  if (expected.route !== route.name) return shadowed(facts, url)
  if (expected.refusal !== null)
    return skip(`the gateway itself answers ${expected.refusal.status}: ${expected.refusal.message}`)
  if (through === null) return skip('not asked, since no origin answers')
  if (isGuarded(facts)) return skip(OUTSIDE)
  return judgeAnswer(facts, url, through.hops[0]?.answer ?? through.last)
}

/** @param first what came through the gateway, before any redirect was followed */
function judgeAnswer({ around }: RouteFacts, url: string, first: Seen): Verdict {
  const code = gatewayCode(first)
  if (code === 'HG_UPSTREAM_TIMEOUT') return skip('the answer takes too long: see time-limits')
  if (code === 'HG_UPSTREAM_CERTIFICATE') return skip('the certificate of the app is not believed: see certificate')
  const app = around === null ? '' : `, the app itself ${told(around.forwarded)}`
  const reason = `${url} ${told(first)}${code === null ? '' : ` ${code}`}${app}`
  if (!isAnswer(first) || code !== null) return fail(reason, explainLine(url))
  if (around === null) return pass(reason)
  if (isAnswer(around.forwarded) && first.status === around.forwarded.status)
    return pass(`${url} ${told(first)}, as the app does`)
  if (isFine(first) && isLate(around.forwarded)) return pass(`${url} ${told(first)}; asked directly the app was slower`)
  return (first.status >= 400 && isFine(around.forwarded) ? fail : warn)(reason, explainLine(url))
}

function shadowed({ route, expected }: RouteFacts, url: string): Verdict {
  const winner = expected?.route ?? null
  if (winner === null)
    return fail(`no route answers ${url}`, onRoute(route, `match: { host: '*', path: ${route.match.path} }`))
  const reason = `${url} is answered by the route ${winner}`
  if (expected?.refusal?.status === 403)
    return fail(`${reason}, which denies it`, onRoute({ name: winner }, 'deny: false'))
  return fail(reason, onRoute(route, 'match: { host: NAME.home.arpa }'))
}

export function judgePrefix(facts: RouteFacts): Verdict {
  const { route, mount, through, around, assets } = facts
  const { path } = route.match
  if (path === '/') return pass('the app stands at the root of its name')
  if (through === null || around === null) return skip('not asked')
  const app = around.forwarded
  if (!isFine(app) && isFine(mount.unstripped))
    return fail(
      `the app ${told(app)} without ${path} and ${told(mount.unstripped)} with it: it needs the prefix`,
      onRoute(route, `rewrite_path: ${path}`),
    )
  if (!isFine(app) && isFine(mount.stripped))
    return fail(
      `the app ${told(app)} at ${path} and ${told(mount.stripped)} at /: it does not know the prefix`,
      onRoute(route, 'rewrite_path: /'),
    )
  const outside = leavesPrefix(facts)
  if (outside !== null) return fail(`${outside}, outside of ${path}: the app does not know the prefix`, ownName(facts))
  const [broken] = assets.broken
  if (broken !== undefined) return fail(`${broken.url} of its page answers ${broken.status}`, ownName(facts))
  return pass(`what its page loads is below ${path}`)
}

/** A redirect, or a file of the page that is not found, that leads out of the prefix. */
function leavesPrefix({ route, door, through, assets, page }: RouteFacts): string | null {
  const isOutside = (address: string) => {
    const url = new URL(address)
    const mount = route.match.path.replace(/\/+$/, '')
    return url.host === door?.host && url.pathname !== mount && !url.pathname.startsWith(`${mount}/`)
  }
  if (through !== null && isOutside(through.address)) return `it redirects to ${through.address}`
  const lost = assets.broken.find(({ url }) => isOutside(url))
  if (lost !== undefined) return `its page loads ${lost.url}, which answers ${lost.status}`
  const other = page?.resources.find(({ url, kind }) => kind !== 'other' && isOutside(url))
  return other === undefined ? null : `its page loads ${other.url}`
}

/** Apps that know no prefix work under every name. */
function ownName({ route, known }: RouteFacts) {
  const label = (known?.preset ?? route.name).toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return onRoute(route, `match: { host: ${label}.home.arpa }`)
}

/** A whole number of them, as the configuration takes it. */
export const seconds = (ms: number): string => formatDuration(Math.max(1, Math.ceil(ms / 1000)) * 1000)
