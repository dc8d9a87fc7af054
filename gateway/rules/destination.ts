/**
 * The addresses that WebDAV requests carry in their heads: Destination of COPY and MOVE (RFC 4918 §10.3) and the resource
 * tags of If (§10.4). They name the public site; an origin behind a gateway knows itself by another scheme, host or path,
 * and refuses them or, worse, acts on a path that the gateway denies.
 */
import type { ClientFacts } from '../../plugins/proxy/index.ts'
import { type Match, parseTarget, type RouteTable, type RoutingRule } from '../routing/index.ts'

/** `set`: fields in place of the client's. `target`: what of the same app the request changes as well, as it is sent. */
export type DavDecision =
  | { readonly kind: 'pass'; readonly set: Readonly<Record<string, string>> | null; readonly target: string | null }
  | { readonly kind: 'refuse'; readonly status: 400 | 403 | 502; readonly reason: DavRefusal }

export type DavRefusal = 'destination-malformed' | 'destination-denied' | 'destination-elsewhere'

export interface DavQuestion<R> {
  readonly table: Pick<RouteTable<R & RoutingRule>, 'match'>
  /** Whether a route leads to the app of the request: its own does, and another one of the same upstream. */
  readonly isOfApp: (route: R) => boolean
  /** Normalised name that the request was routed by. */
  readonly host: string
  /** Public path of the request. */
  readonly path: string
  readonly client: Pick<ClientFacts, 'host'>
  /** `http://wiki:3000`: how the origin sees itself; null = the addresses stay as they are. */
  readonly origin: string | null
}

export interface DavFields {
  readonly destination: string | undefined
  readonly condition: string | undefined
}

const PASS: DavDecision = { kind: 'pass', set: null, target: null }

export function decideDav<R>(fields: DavFields, question: DavQuestion<R>): DavDecision {
  const { destination, condition } = fields
  const set: Record<string, string> = {}
  let target: string | null = null
  if (destination !== undefined) {
    const read = readAddress(destination, question)
    if (read.kind === 'malformed') return refuse(400, 'destination-malformed')
    if (read.kind === 'denied') return refuse(403, 'destination-denied')
    // RFC 4918 §9.8.5: the destination is on another server, which may not take part.
    if (read.kind === 'elsewhere' && question.origin !== null) return refuse(502, 'destination-elsewhere')
    if (read.kind === 'here' && question.origin !== null) set['Destination'] = question.origin + read.target
    if ('target' in read) target = read.target
  }
  if (condition !== undefined && question.origin !== null) {
    const mapped = mapTags(condition, question)
    if (mapped !== condition) set['If'] = mapped
  }
  if (Object.keys(set).length > 0) return { kind: 'pass', set, target }
  return target === null ? PASS : { kind: 'pass', set: null, target }
}

function refuse(status: 400 | 403 | 502, reason: DavRefusal): DavDecision {
  return { kind: 'refuse', status, reason }
}

/** `elsewhere` = on this site, but not in this app. `as-it-is`: of another host, or relative. */
type Reading =
  | { readonly kind: 'malformed' | 'denied' | 'elsewhere' }
  | { readonly kind: 'here' | 'as-it-is'; readonly target: string }

/** A scheme with a host, or a path of this host. */
const whole = /^(?:[a-z][a-z\d+.-]*:\/)?\//i

/** Where an address leads by the same table as requests. An origin may ignore its host, so the path counts for all. */
function readAddress<R>(address: string, { table, isOfApp, host, path, client }: DavQuestion<R>): Reading {
  // CouchDB's COPY names a document beside its own, which stays as it came: it may look like a scheme (`org.couchdb.user:joe`).
  const isBeside = address !== '' && !whole.test(address)
  const target = parseTarget(isBeside ? path.slice(0, path.lastIndexOf('/') + 1) + address : address, client.host)
  if (!target.ok) return { kind: 'malformed' }
  const match: Match<R> = table.match(host, target.path)
  if (match.kind === 'denied') return { kind: 'denied' }
  if (match.kind === 'bad') return { kind: 'malformed' }
  const isHere = plainAuthority(target.hostHeader) === plainAuthority(client.host)
  if (match.kind === 'route' && isOfApp(match.route)) {
    return { kind: isHere && !isBeside ? 'here' : 'as-it-is', target: match.path + target.query }
  }
  return isHere ? { kind: 'elsewhere' } : { kind: 'as-it-is', target: target.path + target.query }
}

/** Which port is the usual one depends on a scheme that another proxy in front may have ended. */
function plainAuthority(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80|443)?$/, '')
}

/** The resource tags stand in angle brackets outside of the lists in parentheses. */
function mapTags<R>(condition: string, question: DavQuestion<R>): string {
  let mapped = ''
  let isInList = false
  const last = condition.lastIndexOf('>')
  for (let at = 0; at < condition.length; ) {
    const char = condition[at] as string
    const end = char === '<' && at < last ? condition.indexOf('>', at) : -1
    if (end === -1) {
      if (char === '(') isInList = true
      else if (char === ')') isInList = false
      mapped += char
      at += 1
      continue
    }
    mapped += isInList ? condition.slice(at, end + 1) : `<${mapTag(condition.slice(at + 1, end), question)}>`
    at = end + 1
  }
  return mapped
}

function mapTag<R>(address: string, question: DavQuestion<R>): string {
  const read = readAddress(address, question)
  return read.kind === 'here' && question.origin !== null ? question.origin + read.target : address
}
