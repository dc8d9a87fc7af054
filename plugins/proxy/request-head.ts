/**
 * The head that an origin gets, made from the client's: what belongs to the client's connection goes first, our own
 * fields come last, so that no Connection field of a client can nominate them away (security lesson 3). Pure.
 */
import type { ClientFacts } from './client-facts.ts'
import { type RequestRole, requestField } from './field-roles.ts'
import { nominatedFields } from './fields.ts'
import { type SaidWay, wayOnwards } from './way-onwards.ts'

/** Name under which the gateway signs Via, Cache-Status and Proxy-Status. */
export const GATEWAY_NAME = 'hearthgate'

/** Changes that a route asks for; `set` replaces, names compare without case. */
export interface FieldRules {
  readonly set: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

export interface RequestHeadFacts {
  readonly client: ClientFacts
  /** Host to send. */
  readonly host: string
  /** `1.1` or `2`, of the client's message (RFC 9110 §7.6.3). */
  readonly httpVersion: string
  readonly requestId: string
  /** The path prefix that was taken off, or null. */
  readonly strippedPrefix: string | null
  readonly rules: FieldRules
}

/** Flat `[name, value, …]` for the origin, without framing fields; the connection adds those. */
export function requestHead(rawHeaders: readonly string[], facts: RequestHeadFacts): string[] {
  const { client } = facts
  const nominated = nominatedFields(rawHeaders)
  const head: string[] = ['Host', facts.host]
  const said: Said = { forwardedFor: null, forwarded: null, via: null, prefix: null }
  let cookieAt = -1
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    const { lower, role } = requestField(name)
    if (role === 'own') note(said, lower, value)
    else if (isDropped(role, value, client.isPeerTrusted, rawHeaders)) continue
    // A TE that passes is nominated, as it must be (RFC 9110 §10.1.4).
    else if (role !== 'te' && nominated?.has(lower)) continue
    else if (role === 'cookie' && cookieAt >= 0) head[cookieAt] += `; ${value}`
    else {
      // HTTP/2 may split the cookies over lines; for one line again they are joined by "; " (RFC 9113 §8.2.3).
      if (role === 'cookie') cookieAt = head.length + 1
      head.push(name, value)
    }
  }
  addOwnFields(head, facts, said)
  return applyRules(head, facts.rules)
}

/** What earlier hops said; each is a comma-joined list over all lines, or null. */
interface Said extends SaidWay {
  forwardedFor: string | null
  forwarded: string | null
  via: string | null
  prefix: string | null
}

const nothingSaid: SaidWay = { forwardedFor: null, forwarded: null }

function note(said: Said, lower: string, value: string): void {
  if (lower === 'x-forwarded-for') said.forwardedFor = joined(said.forwardedFor, value)
  else if (lower === 'forwarded') said.forwarded = joined(said.forwarded, value)
  else if (lower === 'via') said.via = joined(said.via, value)
  else if (lower === 'x-forwarded-prefix') said.prefix = value
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`
}

function isDropped(role: RequestRole, value: string, isPeerTrusted: boolean, rawHeaders: readonly string[]): boolean {
  if (role === 'plain' || role === 'cookie') return false
  if (role === 'te') return value.toLowerCase() !== 'trailers' || !isGrpc(rawHeaders)
  if (role === 'way' || role === 'identity') return !isPeerTrusted
  return true
}

/** gRPC over HTTP/2 asks its servers for trailers by TE, and needs it end to end. `rawHeaders` is flat. */
export function isGrpc(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if ((rawHeaders[i] as string).toLowerCase() === 'content-type') {
      return (rawHeaders[i + 1] as string).startsWith('application/grpc')
    }
  }
  return false
}

function addOwnFields(head: string[], facts: RequestHeadFacts, said: Said): void {
  const { client, strippedPrefix } = facts
  const isTrusted = client.isPeerTrusted
  const [forwardedFor, forwarded] = wayOnwards(client, isTrusted ? said : nothingSaid)
  head.push(
    'X-Forwarded-For',
    forwardedFor,
    'X-Forwarded-Proto',
    client.proto,
    'X-Forwarded-Host',
    client.host,
    'X-Forwarded-Port',
    String(client.port),
    'X-Real-IP',
    client.address,
    'Forwarded',
    forwarded,
    'Via',
    joined(said.via, `${facts.httpVersion} ${GATEWAY_NAME}`),
    'X-Request-Id',
    facts.requestId,
  )
  const prefix = (isTrusted ? (said.prefix ?? '') : '') + (strippedPrefix ?? '')
  if (prefix !== '') head.push('X-Forwarded-Prefix', prefix)
}

/** A route's own changes, last of all. */
export function applyRules(head: string[], rules: FieldRules): string[] {
  const names = Object.keys(rules.set)
  if (names.length === 0 && rules.remove.length === 0) return head
  const gone = new Set([...names, ...rules.remove].map(name => name.toLowerCase()))
  const kept: string[] = []
  for (let i = 0; i < head.length; i += 2) {
    if (!gone.has((head[i] as string).toLowerCase())) kept.push(head[i] as string, head[i + 1] as string)
  }
  for (const name of names) kept.push(name, rules.set[name] as string)
  return kept
}
