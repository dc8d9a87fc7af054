/**
 * What the rules need to know of a request, read in one pass over its fields, so that a hit looks at every line once.
 */
import { isNamed } from '../../contract/index.ts'
import { addRequestLine, applyPragma, emptyRequestDirectives, type RequestDirectives } from './directives.ts'
import { rangeConditionForOrigin } from './entity-tag.ts'

/** Values are null where the request has no such field; list fields have their lines joined. */
export interface RequestFacts {
  directives: RequestDirectives
  /** Authorization, or another field that home apps take credentials from. */
  hasAuthorization: boolean
  hasCookie: boolean
  range: string | null
  ifRange: string | null
  ifMatch: string | null
  ifNoneMatch: string | null
  ifModifiedSince: string | null
  ifUnmodifiedSince: string | null
  acceptEncoding: string | null
  /** A field by which some origins answer as if another method or address had been asked for. */
  hasOverride: boolean
}

export function readRequestFacts(headers: readonly string[]): RequestFacts {
  const facts: RequestFacts = {
    directives: emptyRequestDirectives(),
    hasAuthorization: false,
    hasCookie: false,
    range: null,
    ifRange: null,
    ifMatch: null,
    ifNoneMatch: null,
    ifModifiedSince: null,
    ifUnmodifiedSince: null,
    acceptEncoding: null,
    hasOverride: false,
  }
  let pragma: string | null = null
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!
    if (isNamed(name, 'pragma')) pragma = joined(pragma, headers[i + 1]!)
    else if (!readLine(facts, name, headers[i + 1]!)) readUncommon(facts, name)
  }
  if (pragma !== null) applyPragma(facts.directives, pragma)
  // What is stored has the origin's tags; a client may have been given marked ones.
  if (facts.ifRange !== null) facts.ifRange = rangeConditionForOrigin(facts.ifRange)
  return facts
}

/** Most lines are told apart by their length alone; true when the line was one of these. */
function readLine(facts: RequestFacts, name: string, value: string): boolean {
  switch (name.length) {
    case 5:
      return isNamed(name, 'range') && keep(facts, 'range', value)
    case 6:
      return isNamed(name, 'cookie') && mark(facts, 'hasCookie')
    case 8:
      if (isNamed(name, 'if-range')) return keep(facts, 'ifRange', value)
      return isNamed(name, 'if-match') && keep(facts, 'ifMatch', value)
    case 13:
      if (isNamed(name, 'authorization')) return mark(facts, 'hasAuthorization')
      if (isNamed(name, 'if-none-match')) return keep(facts, 'ifNoneMatch', value)
      if (!isNamed(name, 'cache-control')) return false
      addRequestLine(facts.directives, value)
      return true
    case 15:
      return isNamed(name, 'accept-encoding') && keep(facts, 'acceptEncoding', value)
    case 17:
      return isNamed(name, 'if-modified-since') && keep(facts, 'ifModifiedSince', value)
    case 19:
      return isNamed(name, 'if-unmodified-since') && keep(facts, 'ifUnmodifiedSince', value)
    default:
      return false
  }
}

type ValueOf =
  | 'range'
  | 'ifRange'
  | 'ifMatch'
  | 'ifNoneMatch'
  | 'ifModifiedSince'
  | 'ifUnmodifiedSince'
  | 'acceptEncoding'

function keep(facts: RequestFacts, name: ValueOf, value: string): true {
  facts[name] = joined(facts[name], value)
  return true
}

function mark(facts: RequestFacts, name: 'hasCookie' | 'hasAuthorization'): true {
  facts[name] = true
  return true
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`
}

const overrides = new Set([
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-method',
  'x-original-url',
  'x-rewrite-url',
])

/** Where apps look for credentials beside Authorization. */
const credentials = new Set([
  ...['api-key', 'apikey', 'private-token', 'token', 'x-api-key', 'x-apikey', 'x-auth-token', 'x-access-token'],
  ...[
    'x-emby-authorization',
    'x-emby-token',
    'x-mediabrowser-token',
    'x-plex-token',
    'x-vault-token',
    'x-session-token',
  ],
])

function readUncommon(facts: RequestFacts, name: string): void {
  const first = name.charCodeAt(0) | 0x20
  // x, a, p, t: what the two lists begin with.
  if (first !== 0x78 && first !== 0x61 && first !== 0x70 && first !== 0x74) return
  const lowerName = name.toLowerCase()
  if (overrides.has(lowerName)) facts.hasOverride = true
  else if (credentials.has(lowerName)) facts.hasAuthorization = true
}
