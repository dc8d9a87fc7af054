/**
 * What the cache would do with one request, as far as the request decides it: whether it is looked up and under which
 * key, and which answers to it would be stored (RFC 9111). Nothing is looked up here.
 */
import { decideWay } from '../../plugins/cache/answer/decide-way.ts'
import type { CacheScope } from '../../plugins/cache/index.ts'
import { keyedTarget, primaryKey } from '../../plugins/cache/rules/key.ts'
import { type RequestFacts, readRequestFacts } from '../../plugins/cache/rules/request-facts.ts'
import type { RequestHead, RouteCacheSettings } from '../../plugins/cache/rules/types.ts'
import type { CacheConfig } from '../config/types.ts'
import { cacheScopeAt, type ServedRoute } from '../serving.ts'
import { refusalOfRequest, refusalsOfAnswers, type StoreQuestion } from './cache-probes.ts'
import { cacheSettings } from './cache-settings.ts'
import { explainLookup, type NoteReason, noteWords, storeWords } from './cache-words.ts'
import { redactAddress, redactFields } from './secrets.ts'
import type { CacheDecision, CacheKeyPart, RuledReason } from './types.ts'

/** The request as the cache sees it. */
export interface CacheQuestion {
  readonly route: string
  readonly request: RequestHead
  /** Host that goes to the origin. */
  readonly hostToSend: string
  readonly asksForWebSocket: boolean
}

export function explainCache(route: ServedRoute, question: CacheQuestion): CacheDecision {
  const { cache, compression } = route
  if (cache === false) return { state: 'off', lookup: null, key: [], store: null, notes: [], settings: [] }
  const scope = scopeOf(route, question)
  if (scope === null) return leftAlone(cache)
  const { settings } = scope
  const asked = ask(question, settings)
  const decision = wayOf(question, asked)
  return {
    state: 'on',
    lookup: { happens: decision.way === null, ...because(decision.reason) },
    key: decision.way === null ? keyParts(question, settings) : [],
    store: storeVerdict(decision, asked),
    notes: notesFor(decision, asked, compression !== false).map(reason => ({ reason, ...noteWords[reason] })),
    settings: cacheSettings(cache),
  }
}

/** The target that goes to the origin: without the parameters that are no part of the key, where the answer may be kept. */
export function targetToSend(route: ServedRoute, question: CacheQuestion): string {
  const { method, target } = question.request
  const scope = scopeOf(route, question)
  if (scope === null || method !== 'GET') return target
  const { settings } = scope
  const { way } = wayOf(question, ask(question, settings))
  return way === null ? keyedTarget(target, settings.key.ignoreQuery) : target
}

function scopeOf(route: ServedRoute, { request: { target } }: CacheQuestion): CacheScope | null {
  const question = target.indexOf('?')
  return question === -1
    ? cacheScopeAt(route, target, '')
    : cacheScopeAt(route, target.slice(0, question), target.slice(question))
}

/** The path is one of `cache.never`. */
function leftAlone(cache: CacheConfig): CacheDecision {
  const reason = because('never')
  const store = { possible: false, reason, unless: [] }
  return {
    state: 'on',
    lookup: { happens: false, ...reason },
    key: [],
    store,
    notes: [],
    settings: cacheSettings(cache),
  }
}

function ask({ request }: CacheQuestion, settings: RouteCacheSettings): StoreQuestion {
  return { request, facts: readRequestFacts(request.headers), hasBody: hasBody(request.headers), settings }
}

/** What the cache's first hook decides before it looks anything up; a WebSocket never comes to it. */
type WayDecision = Pick<ReturnType<typeof decideWay>, 'way'> & { readonly reason: string }

function because(reason: string): RuledReason {
  return { reason, ...explainLookup(reason) }
}

function wayOf({ asksForWebSocket }: CacheQuestion, asked: StoreQuestion): WayDecision {
  return asksForWebSocket ? { way: 'through', reason: 'upgrade' } : decideWay(asked)
}

/** As the proxy has it: content of a length above 0, or of a length that is not known yet. */
function hasBody(headers: readonly string[]): boolean {
  return headers.some((name, i) => {
    if (i % 2 === 1) return false
    const lower = name.toLowerCase()
    return lower === 'transfer-encoding' || (lower === 'content-length' && Number(headers[i + 1]) > 0)
  })
}

/** Only what is looked up in vain is filled in; a HEAD brings nothing to keep. */
function storeVerdict({ way, reason }: WayDecision, asked: StoreQuestion): CacheDecision['store'] {
  if (way !== null) return { possible: false, reason: because(reason), unless: [] }
  const refusal = refusalOfRequest(asked)
  if (refusal !== null) return { possible: false, reason: { reason: refusal, ...storeWords[refusal] }, unless: [] }
  const unless = refusalsOfAnswers(asked).map((each): RuledReason => ({ reason: each, ...storeWords[each] }))
  return { possible: true, reason: null, unless }
}

function notesFor(
  { way }: WayDecision,
  { facts, request, settings }: StoreQuestion,
  isCompressing: boolean,
): NoteReason[] {
  if (way !== null) return way === 'unsafe' ? ['unsafe'] : []
  const notes: [boolean, NoteReason][] = [
    ...directiveNotes(facts, settings),
    [facts.hasAuthorization, 'authorization'],
    [facts.ifNoneMatch !== null || facts.ifModifiedSince !== null, 'conditional'],
    [facts.range !== null && request.method === 'GET', 'range'],
    [true, 'vary'],
    [isCompressing && facts.acceptEncoding !== null, 'coded'],
  ]
  return notes.filter(([holds]) => holds).map(([, note]) => note)
}

function directiveNotes(
  { directives }: RequestFacts,
  { honourRequestDirectives: isHonoured }: RouteCacheSettings,
): [boolean, NoteReason][] {
  const wishes: [boolean, NoteReason][] = [
    [directives.noCache, 'no-cache'],
    [directives.maxAge !== null, 'max-age'],
    [directives.minFresh !== null, 'min-fresh'],
    [directives.maxStale !== null, 'max-stale'],
  ]
  const isAny = wishes.some(([holds]) => holds)
  return [
    ...(isHonoured ? wishes : [[isAny, 'ignored'] as [boolean, NoteReason]]),
    [directives.onlyIfCached, 'only-if-cached'],
  ]
}

/** The parts of the key, taken from the key itself; secrets are replaced. */
function keyParts({ route, request, hostToSend }: CacheQuestion, settings: RouteCacheSettings): CacheKeyPart[] {
  const { url, key } = primaryKey(request, settings.key)
  const [scheme = '', host = '', ...target] = url.trimEnd().split(' ')
  const { headers = [], cookies = [] } = settings.key
  const added = key === url ? [] : (JSON.parse(key.slice(url.length)) as readonly unknown[])
  const isOtherHost = hostToSend.toLowerCase() !== request.host
  return [
    { name: 'route', value: route },
    ...(isOtherHost ? [{ name: 'host at the origin', value: hostToSend.toLowerCase() }] : []),
    { name: 'scheme', value: scheme },
    { name: 'host', value: host === '*' ? '* (key.host: false)' : host },
    { name: 'target', value: redactAddress(target.join(' ')) },
    ...headers.map((name, i) => ({ name: `field ${name}`, value: fieldValue(name, added[i]) })),
    ...cookies.map((name, i) => ({ name: `cookie ${name}`, value: cookieValue(added[headers.length + i]) })),
  ]
}

function fieldValue(name: string, value: unknown): string {
  return typeof value === 'string' ? (redactFields([{ name, value }])[0]?.value ?? '') : '(absent)'
}

function cookieValue(values: unknown): string {
  return Array.isArray(values) && values.length > 0 ? '***' : '(absent)'
}
