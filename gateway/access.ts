/**
 * Access of routes: what the guard of a route is asked about a request or an upgrade, and the page for who is kept out.
 */
import type { IncomingMessage } from 'node:http'
import {
  type AccessControl,
  type AccessDecision,
  type AccessGuard,
  type AccessOptions,
  type AccessQuestion,
  type AccessReason,
  compileGuard,
} from '../plugins/access/index.ts'
import { failureAnswer } from '../plugins/proxy/index.ts'
import type { RouteConfig } from './config/types.ts'
import type { RequestFacts } from './request-facts.ts'
import { pathInApp } from './rules/app-path.ts'
import type { ServedRoute } from './serving.ts'

export type Refused = Extract<AccessDecision, { pass: false }>

/** Null where everybody may come in. */
export function guardOf({ access }: Pick<RouteConfig, 'access'>): AccessGuard | null {
  if (access === false) return null
  const { allow, deny, bypass, basic, forward, logins } = access
  const options: AccessOptions = {
    allow: [...allow],
    deny: [...deny],
    bypass: [...bypass],
    paths: Object.entries(access.paths).map(([path, lists]) => ({
      path,
      allow: [...lists.allow],
      deny: [...lists.deny],
    })),
    basic: basic === null ? null : { realm: basic.realm, users: { ...basic.users }, userField: basic.userHeader },
    forward: forward === null ? null : { url: forward.url, fields: [...forward.headers], timeoutMs: forward.timeoutMs },
    logins: { paths: [...logins.paths], attempts: logins.attempts, windowMs: logins.perMs },
  }
  return compileGuard(options)
}

/** What there is to decide: the address of the request, and that of its Destination. Null where nobody is kept out. */
export function questionsFor(facts: RequestFacts, { method = 'GET', headers }: AskedRequest) {
  const { match, client, query, dav } = facts
  if (match.kind !== 'route' || match.route.guard === null) return null
  const { route } = match
  const { address, proto, host } = client
  const question: AccessQuestion = { method, address, proto, host, headers, ...placeOf(route, match.path, query) }
  const target = dav.kind === 'pass' ? dav.target : null
  return {
    guard: match.route.guard,
    question,
    also: target === null ? null : { ...question, ...placeIn(route, target) },
  }
}

export type AskedRequest = Pick<IncomingMessage, 'headers' | 'method'>

type Place = Pick<AccessQuestion, 'path' | 'query' | 'uri'>

/**
 * `uri` is made of what the app will get, never of the target as it was written: a server that decides by path would
 * otherwise judge `/open/../admin` or `http://host/admin` by other rules than the app answers by.
 */
function placeOf(route: ServedRoute, sent: string, query: string): Place {
  const path = pathInApp(route.appBase, sent)
  const prefix = route.match.path.replace(/\/+$/, '')
  return { path, query, uri: (route.rewritePath === null ? sent : prefix + path) + query }
}

function placeIn(route: ServedRoute, target: string): Place {
  const cut = target.indexOf('?')
  return cut === -1 ? placeOf(route, target, '') : placeOf(route, target.slice(0, cut), target.slice(cut))
}

export type Questions = NonNullable<ReturnType<typeof questionsFor>>

/** Both addresses have to be open; what the app is told comes from the request's own. */
export async function decideEntry(
  control: AccessControl,
  { guard, question, also }: Questions,
): Promise<AccessDecision> {
  const decision = await control.decide(guard, question)
  if (!decision.pass || also === null) return decision
  const destination = await control.decide(guard, also)
  return destination.pass ? decision : destination
}

const messages: Readonly<Partial<Record<AccessReason, string>>> = {
  'address-denied': 'this address may not come here',
  'address-not-allowed': 'this address may not come here',
  'too-many-logins': 'too many attempts to log in',
  'password-missing': 'a name and a password are needed',
  'password-wrong': 'a name and a password are needed',
  'password-busy': 'too many people log in at once',
  'forward-failed': 'the server that knows who may come in does not answer',
}

/** The answer for somebody who is kept out: the other server's own, or a page of the gateway. */
export function accessPage(refused: Refused, requestId: string, accept: string | undefined) {
  const { status, reason, headers, body } = refused
  if (body !== null) return { status, headers: { ...headers }, body }
  const message = messages[reason] ?? 'this address may not be opened'
  const failure = { status, code: 'HG_ACCESS', message, requestId, proxyStatus: null, retryAfter: null }
  const page = failureAnswer(failure, accept)
  return { status, headers: { ...page.headers, ...headers }, body: page.body }
}
