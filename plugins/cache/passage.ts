/**
 * One request on its way past the cache: read once in the first hook, looked at again by the half that faces the origin.
 */
import { nominatedFields, type ProxyCall } from '../proxy/index.ts'
import { nothingSaid, saidByProxy } from './proxy-said.ts'
import { withoutFields } from './rules/fields.ts'
import { keyedTarget, primaryKey } from './rules/key.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import { readRequestFacts } from './rules/request-facts.ts'
import type { ReuseDecision, ReuseReason } from './rules/reuse.ts'
import type { RequestHead, RouteCacheSettings, StoredHead } from './rules/types.ts'
import { matchesVary, selectVariant } from './rules/vary.ts'
import type { StoredEntry, VariantSet } from './stores/index.ts'
import { type StoredForms, sortSet } from './variants/sorted-set.ts'

/** What the app says about caching on the route of a request. */
export interface CacheScope {
  /** Name of the route, for purges, metrics and messages. */
  readonly route: string
  /** Changes when the route's answers come from elsewhere or are asked for in another way: then nothing old is used. */
  readonly identity: string
  readonly settings: RouteCacheSettings
  /** Make weak entity tags for answers without a validator. */
  readonly etag: boolean
  /** Let concurrent misses of one key share one fill. */
  readonly coalesce: boolean
  /** Targets of the app's start page, by which its releases are known; empty = they are not followed. */
  readonly startPages: readonly string[]
}

/** What is kept of an answer: the rules' head, and the tag that the cache made itself where the origin sent none. */
export interface CachedHead extends StoredHead {
  readonly ownTag: string | null
}

/** What the half that faces the origin does with the request. */
export type Way =
  /** Sent on; the answer may be stored. */
  | 'fill'
  /** Sent with the validators of `stored`. */
  | 'revalidate'
  /** Sent on unchanged; nothing is stored. */
  | 'through'
  /** Sent on unchanged; a success makes what is stored void. */
  | 'unsafe'

/** What is known of a request before the store has been asked. */
export interface PassageStart {
  /** Whose it is: each cache of an app has its own. */
  readonly owner: object
  readonly call: ProxyCall
  readonly scope: CacheScope
  readonly method: string
  readonly rawHeaders: readonly string[]
  readonly hasBody: boolean
  /** Who the client is was proved once for its connection (`holdingClient`). */
  readonly isHolding: boolean
}

export class Passage {
  readonly owner: object
  readonly call: ProxyCall
  readonly scope: CacheScope
  readonly request: RequestHead
  readonly facts: RequestFacts
  readonly hasBody: boolean
  way: Way = 'through'
  reason: ReuseReason | 'override' | 'if-match' | 'if-unmodified-since' | 'unsafe' | 'event-stream' = 'absent'
  /** The whole answer that matches the request, whether it may be used or not. */
  stored: StoredEntry | null = null
  /** The same with its coded forms. */
  forms: StoredForms | null = null
  /** A stored part that matches. */
  part: StoredEntry | null = null
  /** Others of the same key are stored. */
  hasVariants = false
  decision: ReuseDecision | null = null
  /** For logs and metrics: what became of it, one word. */
  outcome: string | null = null
  /** The coding of a stored form that it was answered with, or whose tag a 304 names; `identity` for the plain one. */
  coding: string | null = null
  /** Bytes of the answer before it was encoded here, for each that was sent of its stored form; 1 = they are the same. */
  plainBytesPerByte = 1
  readonly key: string
  readonly #place: string
  /** Each unsafe request asks all that run for it. */
  #keyedUrl: string | null = null

  constructor({ owner, call, scope, method, rawHeaders, hasBody, isHolding }: PassageStart) {
    this.owner = owner
    this.call = call
    this.scope = scope
    this.hasBody = hasBody
    const headers = asSent(rawHeaders)
    this.facts = readRequestFacts(headers)
    const said = call.client.isPeerTrusted ? saidByProxy(headers) : nothingSaid
    if (said.isPersonal || isHolding) this.facts.hasAuthorization = true
    this.request = {
      method,
      scheme: call.client.proto,
      host: call.client.host.toLowerCase(),
      target: call.target,
      headers,
    }
    this.#place = said.way === '' ? usualPlace(call, scope) : placeOf(call, scope, said.way)
    this.key = this.#place + primaryKey(this.request, scope.settings.key).key
  }

  /** The target without the parameters that are no part of the key: what may be stored is asked for without them. */
  get keyedTarget(): string {
    return keyedTarget(this.request.target, this.scope.settings.key.ignoreQuery)
  }

  /** The address under which its answer is stored. */
  get keyedUrl(): string {
    this.#keyedUrl ??= this.publicUrl(this.keyedTarget)
    return this.#keyedUrl
  }

  /** The key of another target of the same site, as a GET without key fields has it. */
  keyFor(target: string, scheme: 'http' | 'https'): string {
    const { key } = primaryKey({ ...this.request, headers: [], target, scheme }, this.scope.settings.key)
    return this.#place + key
  }

  /** The address by which people purge it: as the client sees it. */
  publicUrl(target = this.call.target, scheme = this.request.scheme): string {
    return `${scheme}://${nameOf(this.request.host, scheme)}${publicTarget(this.call, target)}`
  }

  take(variants: VariantSet | null): void {
    const { wholes, parts } = sortSet(variants)
    this.hasVariants = wholes.length > 0
    const forms = this.#selectWhole(wholes)
    this.forms = forms
    this.stored = forms === null ? null : forms.entry
    this.part = this.facts.range === null ? null : this.#selectPart(parts)
  }

  /** Its body is gone. */
  lose(entry: StoredEntry): void {
    this.hasVariants = false
    if (entry === this.part) {
      this.part = null
      return
    }
    this.forms = null
    this.stored = null
  }

  /** The forms of an entry, where that is what was found. */
  formsOf(entry: StoredEntry): StoredForms | null {
    return this.forms !== null && this.forms.entry.generation === entry.generation ? this.forms : null
  }

  #selectWhole(wholes: readonly StoredForms[]): StoredForms | null {
    const [first] = wholes
    if (first === undefined) return null
    // Most answers have one form for everybody.
    if (wholes.length === 1) return matchesVary(headOf(first.entry), this.request) ? first : null
    const head = selectVariant(
      wholes.map(({ entry }) => headOf(entry)),
      this.request,
    )
    return wholes.find(({ entry }) => headOf(entry) === head) ?? null
  }

  #selectPart(parts: readonly StoredEntry[]): StoredEntry | null {
    const head = selectVariant(parts.map(headOf), this.request)
    return head === null ? null : (parts.find(entry => headOf(entry) === head) ?? null)
  }
}

/** The store keeps heads without knowing what they are. */
export function headOf(entry: StoredEntry): CachedHead {
  return entry.head as unknown as CachedHead
}

/** What Connection names does not reach the origin (RFC 9110 §7.6.1), so that it cannot select an answer either. */
function asSent(rawHeaders: readonly string[]): readonly string[] {
  const nominated = nominatedFields(rawHeaders)
  return nominated === null ? rawHeaders : withoutFields(rawHeaders, nominated)
}

/**
 * What stands before every key of a site: two routes may send the same target to different origins, with a Host of their
 * own, and a trusted proxy may say more of the way than scheme and host.
 */
function placeOf(call: ProxyCall, scope: CacheScope, way: string): string {
  const host = call.host.toLowerCase() === call.client.host.toLowerCase() ? '' : call.host.toLowerCase()
  return `${call.upstream}\n${scope.identity}\n${host}\n${way}\n`
}

interface KnownPlace {
  readonly upstream: string
  readonly host: string
  readonly clientHost: string
  readonly place: string
}

/** Of each scope the last one: mostly all requests of a route come by one name. */
const places = new WeakMap<CacheScope, KnownPlace>()

function usualPlace(call: ProxyCall, scope: CacheScope): string {
  const { upstream, host, client } = call
  const known = places.get(scope)
  if (known?.upstream === upstream && known.host === host && known.clientHost === client.host) return known.place
  const place = placeOf(call, scope, '')
  places.set(scope, { upstream, host, clientHost: client.host, place })
  return place
}

function publicTarget({ strippedPrefix, mountBase }: ProxyCall, target: string): string {
  if (strippedPrefix === null) return target
  const prefix = strippedPrefix.replace(/\/$/, '')
  const rest = target.slice(mountBase.length)
  return target.startsWith(mountBase) && /^(?:[/?]|$)/.test(rest) ? prefix + rest : target
}

/** As addresses are written: `wiki.test.:80` is `wiki.test`. */
function nameOf(host: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : ':80'
  const bare = host.endsWith(port) ? host.slice(0, -port.length) : host
  return bare.endsWith('.') ? bare.slice(0, -1) : bare.replace('.:', ':')
}
