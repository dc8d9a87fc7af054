/**
 * The directives of Cache-Control in answers and requests (RFC 9111 §5.2, RFC 5861, RFC 8246) and of CDN-Cache-Control
 * (RFC 9213), read once into a plain object. Of contradicting values the stricter one counts.
 */
import { eachDirective } from './directive-syntax.ts'
import { isToken, listMembers, wholeNumber } from './fields.ts'
import { parseDictionary, type StructuredItem } from './structured-fields.ts'

/** RFC 9111 §1.2.2: a larger number of seconds is taken for this one. */
export const MOST_SECONDS = 2 ** 31

/** What an answer says about its reuse; numbers are seconds, null where nothing was said. */
export interface AnswerDirectives {
  isPresent: boolean
  /** The field breaks its grammar somewhere: nobody knows what else it wanted to say. */
  isMalformed: boolean
  noStore: boolean
  isPrivate: boolean
  isPublic: boolean
  /** no-cache without (readable) field names. */
  noCache: boolean
  /** Lower-case names of `no-cache="…"`; these fields are not stored. */
  noCacheFields: string[]
  mustRevalidate: boolean
  proxyRevalidate: boolean
  mustUnderstand: boolean
  isImmutable: boolean
  noTransform: boolean
  maxAge: number | null
  sharedMaxAge: number | null
  staleWhileRevalidate: number | null
  staleIfError: number | null
}

/** What a request says about stored answers; numbers are seconds, `maxStale` is Infinity for any staleness. */
export interface RequestDirectives {
  isPresent: boolean
  noStore: boolean
  noCache: boolean
  onlyIfCached: boolean
  noTransform: boolean
  maxAge: number | null
  minFresh: number | null
  maxStale: number | null
  staleIfError: number | null
}

export function emptyAnswerDirectives(): AnswerDirectives {
  return {
    isPresent: false,
    isMalformed: false,
    noStore: false,
    isPrivate: false,
    isPublic: false,
    noCache: false,
    noCacheFields: [],
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    isImmutable: false,
    noTransform: false,
    maxAge: null,
    sharedMaxAge: null,
    staleWhileRevalidate: null,
    staleIfError: null,
  }
}

export function emptyRequestDirectives(): RequestDirectives {
  return {
    isPresent: false,
    noStore: false,
    noCache: false,
    onlyIfCached: false,
    noTransform: false,
    maxAge: null,
    minFresh: null,
    maxStale: null,
    staleIfError: null,
  }
}

/** Adds one line of an answer's Cache-Control. */
export function addAnswerLine(into: AnswerDirectives, line: string): void {
  into.isPresent = true
  if (!eachDirective(line, into, applyToAnswer)) into.isMalformed = true
}

/** Adds one line of a request's Cache-Control; what cannot be read is passed over. */
export function addRequestLine(into: RequestDirectives, line: string): void {
  into.isPresent = true
  eachDirective(line, into, applyToRequest)
}

/** RFC 9111 §5.4: Pragma counts in requests without Cache-Control only, and only as no-cache. */
export function applyPragma(into: RequestDirectives, value: string): void {
  if (!into.isPresent && value.toLowerCase().includes('no-cache') && hasMember(value, 'no-cache')) into.noCache = true
}

/** True when the list has that lower-case member, in any case. */
export function hasMember(list: string, member: string): boolean {
  return listMembers(list).some(each => each.toLowerCase() === member)
}

/**
 * A targeted field (RFC 9213 §2.1), all its lines joined by commas: its directives; null when it is empty or breaks the
 * grammar of structured fields and is to be ignored; a refusal when what is broken speaks of private or no-store.
 */
export function parseTargeted(value: string): AnswerDirectives | null {
  const members = parseDictionary(value)
  const directives = emptyAnswerDirectives()
  if (members === null) {
    if (!speaksOfSecrets(value.toLowerCase())) return null
    directives.isMalformed = true
    return directives
  }
  if (members.size === 0) return null
  directives.isPresent = true
  for (const [name, item] of members) applyToAnswer(directives, name, argumentOf(name, item))
  return directives
}

/** A value of another type than the directive has is left unread, which makes numbers stale (RFC 9213 §2.1). */
function argumentOf(name: string, item: StructuredItem): string | null {
  if (item.type === 'integer' && item.value >= 0) return String(item.value)
  if (item.type === 'boolean') return null
  return item.type === 'string' && name === 'no-cache' ? item.value : ''
}

/** Whether a text that nobody can read might have forbidden to share. */
function speaksOfSecrets(lowerText: string): boolean {
  return lowerText.includes('private') || lowerText.includes('store')
}

function applyToAnswer(into: AnswerDirectives, name: string, argument: string | null): void {
  switch (name) {
    // RFC 9111 §5.2.2.1 and §5.2.2.10
    case 'max-age':
      into.maxAge = strictest(into.maxAge, argument)
      break
    case 's-maxage':
      into.sharedMaxAge = strictest(into.sharedMaxAge, argument)
      break
    // RFC 5861 §3 and §4
    case 'stale-while-revalidate':
      into.staleWhileRevalidate = strictest(into.staleWhileRevalidate, argument)
      break
    case 'stale-if-error':
      into.staleIfError = strictest(into.staleIfError, argument)
      break
    // RFC 9111 §5.2.2.4
    case 'no-cache':
      applyNoCache(into, argument)
      break
    default:
      applyFlag(into, name)
  }
}

function applyFlag(into: AnswerDirectives, name: string): void {
  switch (name) {
    // RFC 9111 §5.2.2.5
    case 'no-store':
      into.noStore = true
      break
    // RFC 9111 §5.2.2.7: with field names, too, the whole answer is kept from the shared cache.
    case 'private':
      into.isPrivate = true
      break
    case 'public':
      into.isPublic = true
      break
    case 'must-revalidate':
      into.mustRevalidate = true
      break
    case 'proxy-revalidate':
      into.proxyRevalidate = true
      break
    case 'must-understand':
      into.mustUnderstand = true
      break
    case 'immutable':
      into.isImmutable = true
      break
    case 'no-transform':
      into.noTransform = true
      break
    default:
      // `no_store`, `nostore`, `is-private`: a slip of the pen near these words must not publish an answer.
      if (speaksOfSecrets(name)) into.isMalformed = true
  }
}

/** Fields without which the stored answer would mean something else, so that `no-cache` cannot be about them alone. */
const indispensable = new Set(['age', 'cache-control', 'cdn-cache-control', 'date', 'etag', 'expires', 'last-modified'])

function applyNoCache(into: AnswerDirectives, argument: string | null): void {
  const names = argument === null ? [] : listMembers(argument.toLowerCase())
  const isQualified = names.length > 0 && names.every(name => isToken(name) && canBeLeftOut(name))
  if (isQualified) into.noCacheFields.push(...names)
  else into.noCache = true
}

function canBeLeftOut(name: string): boolean {
  return !indispensable.has(name) && name !== 'vary' && !name.startsWith('content-')
}

function applyToRequest(into: RequestDirectives, name: string, argument: string | null): void {
  switch (name) {
    case 'no-store':
      into.noStore = true
      break
    case 'no-cache':
      into.noCache = true
      break
    case 'only-if-cached':
      into.onlyIfCached = true
      break
    case 'no-transform':
      into.noTransform = true
      break
    case 'max-age':
      into.maxAge = strictest(into.maxAge, argument)
      break
    default:
      applyRequestWindow(into, name, argument)
  }
}

/** RFC 9111 §5.2.1.2 and §5.2.1.3, RFC 5861 §4; a number that cannot be read widens nothing. */
function applyRequestWindow(into: RequestDirectives, name: string, argument: string | null): void {
  const seconds = argument === null ? null : wholeNumber(argument, MOST_SECONDS)
  if (name === 'min-fresh') {
    into.minFresh = Math.max(into.minFresh ?? 0, seconds ?? 0)
  } else if (name === 'max-stale') {
    const most = argument === null ? Number.POSITIVE_INFINITY : (seconds ?? 0)
    into.maxStale = Math.min(into.maxStale ?? most, most)
  } else if (name === 'stale-if-error') {
    into.staleIfError = Math.min(into.staleIfError ?? MOST_SECONDS, seconds ?? 0)
  }
}

/** RFC 9111 §4.2.1: of several values the smallest; one that is no number of seconds means stale. */
function strictest(current: number | null, argument: string | null): number {
  const seconds = argument === null ? 0 : (wholeNumber(argument, MOST_SECONDS) ?? 0)
  return current === null ? seconds : Math.min(current, seconds)
}
