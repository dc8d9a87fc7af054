/**
 * What happens to the head of a request and why. The rules are those of the proxy itself: its `requestHead` is run and
 * compared with what came in, and the reason for a missing field is found by asking again under other circumstances.
 */
import { isIdentityField } from '../../plugins/contract/index.ts'
import { hopByHop, ownRequestFields, type RequestHeadFacts, requestHead } from '../../plugins/proxy/index.ts'
import type { AddedField, Field, HeadChanges, RemovedField } from './types.ts'

export interface HeadQuestion {
  /** Flat head of the client. */
  readonly lines: readonly string[]
  readonly facts: RequestHeadFacts
  /** Flat fields that an upgrade adds behind the rules; empty for an ordinary request. */
  readonly upgrade: readonly string[]
}

const NO_RULES = { set: {}, remove: [] }

/** Why the gateway writes its own fields; what they hold is decided by the proxy. */
const meanings: Readonly<Record<string, string>> = {
  connection: 'an upgrade is asked of the origin on a connection of its own',
  forwarded: 'the way of the request (RFC 7239)',
  host: 'headers.host of the route',
  upgrade: 'an upgrade is asked of the origin on a connection of its own',
  via: 'who passed the request on (RFC 9110 §7.6.3); "2" in front where the client speaks HTTP/2',
  'x-forwarded-for': 'addresses that the request came from, the last is the peer',
  'x-forwarded-host': 'host that the client asked for',
  'x-forwarded-port': 'port that the client asked for',
  'x-forwarded-prefix': 'prefix of the path that the origin does not see',
  'x-forwarded-proto': 'scheme that the client used',
  'x-real-ip': 'address of the client',
  'x-request-id': 'finds the request in the logs; one from a trusted proxy is kept where it is short and plain',
}

/** Own fields that the head does not have again, or not from the client. */
const goneForGood: Readonly<Record<string, string>> = {
  'content-length': 'framing: the connection to the origin says itself how long the body is',
  expect: 'answered here: the client gets 100 as soon as an origin reads the body',
  host: 'replaced by headers.host of the route',
  proxy: 'a CGI program would take it for the proxy that it is to use (RFC 3875 §4.1.18)',
  trailer: 'framing: written anew for the connection to the origin',
  'x-hearthgate-debug': 'a question to the gateway itself',
  'transfer-encoding': 'framing: written anew for the connection to the origin',
}

/** Stands for each id of a trace that is begun. */
export const NEW_PART = '(new)'
const NEW_TRACE = 'tracing.context: a trace is begun, since the client sent none that could be read'

export function explainHead(question: HeadQuestion): HeadChanges {
  const { lines, facts, upgrade } = question
  const sent = fieldsOf([...requestHead(lines, facts), ...upgrade])
  const unmatched = fieldsOf(lines)
  const kept: Field[] = []
  const added: AddedField[] = []
  for (const field of sent) {
    if (takeMatch(unmatched, field)) kept.push(field)
    else added.push({ ...field, why: reasonToAdd(field, facts) })
  }
  const removed = unmatched.map(field => ({ name: field.name, why: reasonToRemove(field, sent, question) }))
  return { kept, added, removed: [...removed, ...ownFieldsRemoved(sent, question)] }
}

function fieldsOf(flat: readonly string[]): Field[] {
  const fields: Field[] = []
  for (let i = 0; i < flat.length; i += 2) fields.push({ name: flat[i] ?? '', value: flat[i + 1] ?? '' })
  return fields
}

/** Takes what `field` was before out of `unmatched`. What the gateway writes itself is never the client's. */
function takeMatch(unmatched: Field[], field: Field): boolean {
  const lower = field.name.toLowerCase()
  if (lower !== 'host' && ownRequestFields.has(lower)) return false
  const same = unmatched.filter(({ name }) => name.toLowerCase() === lower)
  const isJoined = lower === 'cookie' && same.map(({ value }) => value).join('; ') === field.value
  const taken = isJoined ? same : same.filter(({ value }) => value === field.value).slice(0, 1)
  for (const one of taken) unmatched.splice(unmatched.indexOf(one), 1)
  return taken.length > 0
}

function reasonToAdd({ name, value }: Field, { rules }: RequestHeadFacts): string {
  if (name === 'traceparent' && value.includes(NEW_PART)) return NEW_TRACE
  if (/^(?:destination|if)$/i.test(name)) return 'webdav.destination of the route'
  if (includesName(Object.keys(rules.set), name)) return 'headers.request.set of the route'
  return meanings[name.toLowerCase()] ?? 'written by the gateway'
}

function reasonToRemove(field: Field, sent: readonly Field[], question: HeadQuestion): string {
  const lower = field.name.toLowerCase()
  if (Object.hasOwn(goneForGood, lower)) return goneForGood[lower] as string
  if (ownRequestFields.has(lower)) return reasonToReplace(field, sent, question.facts)
  if (hopByHop.has(lower)) return 'hop-by-hop: belongs to the connection of the client (RFC 9110 §7.6.1)'
  if (lower.includes('_')) return `an origin may take it for ${lower.replaceAll('_', '-')}, which has rules of its own`
  return reasonFoundByAsking(lower, question)
}

/** Each circumstance is changed on top of the one before; the first that brings the field back is the reason. */
function reasonFoundByAsking(lower: string, { lines, facts }: HeadQuestion): string {
  const withoutRules = { ...facts, rules: NO_RULES }
  if (lower.startsWith('trace') && facts.rules.set['traceparent']?.includes(NEW_PART)) return NEW_TRACE
  if (includesName(namesOf(requestHead(lines, withoutRules)), lower)) {
    const isReplaced = includesName(Object.keys(facts.rules.set), lower)
    return isReplaced ? 'replaced by headers.request.set of the route' : 'headers.request.remove of the route'
  }
  const trusted = { ...withoutRules, client: { ...facts.client, isPeerTrusted: true } }
  if (includesName(namesOf(requestHead(lines, trusted)), lower)) return reasonOfDistrust(lower, facts)
  const others = fieldsOf(lines).filter(({ name }) => name.toLowerCase() !== 'connection')
  const unnamed = others.flatMap(({ name, value }) => [name, value])
  const isNominated = includesName(namesOf(requestHead(unnamed, trusted)), lower)
  return isNominated ? 'hop-by-hop: named by the Connection field (RFC 9110 §7.6.1)' : 'not passed on'
}

function reasonOfDistrust(lower: string, { client }: RequestHeadFacts): string {
  const cause = `and ${client.peer} is not in trusted_proxies`
  return isIdentityField(lower) ? `says who the user is, ${cause}` : `says where the request came from, ${cause}`
}

function reasonToReplace(field: Field, sent: readonly Field[], { client, rules }: RequestHeadFacts): string {
  const written = sent.find(({ name }) => name.toLowerCase() === field.name.toLowerCase())
  if (written === undefined) {
    return includesName(rules.remove, field.name) ? 'headers.request.remove of the route' : 'not passed on'
  }
  if (written.value === field.value || written.value.startsWith(`${field.value}, `))
    return 'kept in what the gateway writes'
  return client.isPeerTrusted
    ? 'replaced by what the gateway writes'
    : `replaced by what the gateway writes: ${client.peer} is not in trusted_proxies`
}

/** Fields that the gateway would have written, but for the route. */
function ownFieldsRemoved(sent: readonly Field[], { lines, facts }: HeadQuestion): RemovedField[] {
  const names = [...sent.map(({ name }) => name), ...namesOf(lines)]
  const unruled = namesOf(requestHead(lines, { ...facts, rules: NO_RULES }))
  const gone = unruled.filter(name => !includesName(names, name))
  return gone.map(name => ({ name, why: 'headers.request.remove of the route; the gateway would have written it' }))
}

function namesOf(flat: readonly string[]): string[] {
  return flat.filter((_text, i) => i % 2 === 0)
}

function includesName(names: readonly string[], name: string): boolean {
  const lower = name.toLowerCase()
  return names.some(other => other.toLowerCase() === lower)
}
