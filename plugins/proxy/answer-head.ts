/**
 * The head that the client gets, made from the origin's: hop-by-hop fields off, framing told apart, our signature on.
 * Everything else keeps its order, spelling and repetition. Pure.
 */
import { answerField } from './field-roles.ts'
import { hopByHop, nominatedFields } from './fields.ts'
import { applyRules, type FieldRules, GATEWAY_NAME } from './request-head.ts'

export interface AnswerHead {
  /** Flat `[name, value, …]` without Content-Length. */
  readonly fields: string[]
  /** Announced length of the body, null when it is chunked or ends with the connection. */
  readonly contentLength: number | null
  /** What the origin announced to follow the body; only an answer that leaves chunked may say it. */
  readonly trailer: string | null
}

/**
 * A status without content (RFC 9110 §15.3.6): what an app sends behind it goes no further, for HTTP/2 of Node ends the
 * stream with the head, and a length that is not 0 then makes the answer malformed.
 */
export const RESET_CONTENT = 205

/** One beyond it is to be taken for a 5xx (RFC 9110 §15). HTTP/1.1 passes it on; HTTP/2 of Node refuses to send it. */
export const MOST_STATUS = 599

/** What a route wants of answers. */
export interface AnswerRules extends FieldRules {
  /**
   * Adds to the fields of a final answer (flat, as the client gets them), last of all. Never asked about a 304, whose
   * fields would replace those of the answer that the client has (RFC 9111 §4.3.4).
   */
  readonly amend?: (fields: string[]) => void
  /** Fields of what stands in place of an answer, such as the page that says why there is none; names in lower case. */
  readonly pages?: Readonly<Record<string, string>>
}

export interface AnswerHeadFacts {
  readonly requestId: string
  readonly status: number
  readonly rules: AnswerRules
}

export function answerHead(rawHeaders: readonly string[], { requestId, status, rules }: AnswerHeadFacts): AnswerHead {
  const nominated = nominatedFields(rawHeaders)
  const fields: string[] = []
  let contentLength: number | null = null
  let trailer: string | null = null
  let via = ''
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    const { lower, role } = answerField(name)
    if (role === 'plain') {
      if (nominated === null || !nominated.has(lower)) fields.push(name, value)
    } else if (role === 'length') contentLength = readLength(value, contentLength)
    else if (role === 'trailer') trailer = value
    else if (role === 'via') via += `${value}, `
  }
  fields.push('Via', `${via}1.1 ${GATEWAY_NAME}`, 'X-Request-Id', requestId)
  const ruled = applyRules(fields, rules)
  if (status !== 304) rules.amend?.(ruled)
  return { fields: ruled, contentLength: Number.isNaN(contentLength) ? null : contentLength, trailer }
}

/**
 * Where a body follows, its length has been checked before. Behind the head of a HEAD or 304 nothing follows, and a length that is
 * none, or two, must not go on (RFC 9110 §8.6): none is said then. NaN stands for that until the head is whole.
 */
function readLength(value: string, known: number | null): number {
  if (known === null && DIGITS.test(value)) return Number(value)
  const [first = '', ...others] = value.split(',').map(member => member.trim())
  if (!DIGITS.test(first) || others.some(other => other !== first)) return Number.NaN
  const length = Number(first)
  return known === null || known === length ? length : Number.NaN
}

const DIGITS = /^[0-9]{1,15}$/

/** Fields of an interim answer: what the rules for heads leave, without what only a final answer can mean. */
export function interimFields(rawHeaders: readonly string[], rules: FieldRules): string[] {
  const nominated = nominatedFields(rawHeaders)
  const fields: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const { lower, role } = answerField(name)
    if (role === 'plain' && lower !== 'set-cookie' && !nominated?.has(lower))
      fields.push(name, rawHeaders[i + 1] as string)
  }
  return applyRules(fields, { set: {}, remove: [...rules.remove, ...Object.keys(rules.set)] })
}

/**
 * Fields that may follow a body (RFC 9110 §6.5.1): nothing that frames, routes, authenticates or sets a cookie, since
 * a receiver that merges trailers into the head would act on it.
 */
const forbiddenTrailers: ReadonlySet<string> = new Set([
  ...hopByHop,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'location',
  'set-cookie',
  'trailer',
  'www-authenticate',
])

/** The trailers that may be passed on, as pairs; empty when there are none. */
export function answerTrailers(rawTrailers: readonly string[] | null): [string, string][] {
  const trailers: [string, string][] = []
  if (rawTrailers === null) return trailers
  for (let i = 0; i < rawTrailers.length; i += 2) {
    const name = rawTrailers[i] as string
    if (!forbiddenTrailers.has(name.toLowerCase())) trailers.push([name, rawTrailers[i + 1] as string])
  }
  return trailers
}

/**
 * Fields of which HTTP/2 of Node takes one line only, and throws for two. Apps do send two: one by themselves, one by the
 * web server in front of them.
 */
const ofOneLine: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
])

/**
 * Flat fields as an object with lower-case names (for HTTP/2 and for Fastify); repeated names become arrays. Where only one
 * line may be, the same again is left out, and another is what both mean together: a list (RFC 9110 §5.3).
 */
export function asHeaderObject(fields: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    const value = fields[i + 1] as string
    const seen = headers[name]
    if (seen === undefined) headers[name] = value
    else if (Array.isArray(seen)) seen.push(value)
    else if (ofOneLine.has(name)) headers[name] = seen === value ? seen : `${seen}, ${value}`
    else headers[name] = [seen, value]
  }
  return headers
}
