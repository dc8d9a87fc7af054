/**
 * What a batch call may be: who may make it, and what may stand in it. Pure; wire input is refused with a reason.
 */

import { isIdentityField, wayFields } from '../contract/index.ts'

/** One sub-request, checked. Fields with lower-case names. */
export interface SubRequest {
  readonly id: string | number | null
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export interface Refused {
  readonly status: 400 | 403 | 405 | 413 | 415
  readonly code: string
  readonly message: string
}

export interface Caller {
  readonly method: string
  readonly contentType: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  /** Scheme and host by which the client came. */
  readonly ownOrigin: string
}

/**
 * A page of another site must not get past the preflight that each of the sub-requests would need by itself, so only JSON
 * is taken and only from pages of the same origin (Fetch Metadata; else Origin, RFC 6454 §7). Programs send neither.
 */
export function refuseCaller({ method, contentType, origin, secFetchSite, ownOrigin }: Caller): Refused | null {
  if (method !== 'POST') return { status: 405, code: 'HG_BATCH_METHOD', message: 'a batch is a POST' }
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin') return crossSite()
  if (origin !== undefined && origin.toLowerCase() !== ownOrigin.toLowerCase()) return crossSite()
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/json') return null
  return { status: 415, code: 'HG_BATCH_TYPE', message: 'a batch is sent as application/json' }
}

function crossSite(): Refused {
  return { status: 403, code: 'HG_BATCH_ORIGIN', message: 'a batch is for pages of the same origin' }
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** What a page could not set by itself (Fetch §2.2.2), what belongs to one connection, and what names the client. */
const forbidden = new Set([
  ...[
    'accept-encoding',
    'authorization',
    'connection',
    'content-length',
    'cookie',
    'cookie2',
    'date',
    'expect',
    'forwarded',
    'host',
  ],
  ...['keep-alive', 'origin', 'referer', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'via', 'x-real-ip'],
])
const forbiddenPrefixes = ['proxy-', 'sec-', 'x-forwarded-']
/** Characters that path and headers of a sub-request may have together: what the caller's own have comes on top. */
const MOST_HEAD_CHARACTERS = 16_384
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const PATH = /^\/[\x21\x22\x24-\x7e]*$/
const VALUE = /^[\x20-\x7e\t]*$/

/**
 * What a proxy in front says of a request: a sub-request comes by the caller's connection, so that it would be believed. An
 * app may read Remote_User as Remote-User.
 */
function isSaidByProxies(lowerName: string): boolean {
  const name = lowerName.replaceAll('_', '-')
  return isIdentityField(name) || wayFields.has(name)
}

export type CallReading =
  | { readonly ok: true; readonly requests: readonly SubRequest[] }
  | { readonly ok: false; readonly refused: Refused }

/** Reads the body of a call: `{ "requests": [{ "id"?, "method"?, "path", "headers"?, "body"? }, …] }`. */
export function readCall(text: string, batchSize: number): CallReading {
  let call: unknown
  try {
    call = JSON.parse(text)
  } catch {
    return refuse('the call is not JSON')
  }
  const requests = isObject(call) ? call['requests'] : undefined
  if (!Array.isArray(requests) || requests.length === 0) return refuse('"requests" has to be a list that is not empty')
  if (requests.length > batchSize) return refuse(`more than ${batchSize} requests`)
  const read: SubRequest[] = []
  for (const [i, request] of requests.entries()) {
    const sub = readSub(request)
    if (typeof sub === 'string') return refuse(`requests[${i}]: ${sub}`)
    read.push(sub)
  }
  return { ok: true, requests: read }
}

function readSub(given: unknown): SubRequest | string {
  if (!isObject(given)) return 'expected an object'
  const { id = null, method = 'GET', path, headers = {}, body = null } = given
  if (id !== null && typeof id !== 'string' && typeof id !== 'number') return '"id" is a text or a number'
  if (typeof method !== 'string' || !methods.has(method)) return `"method" is one of ${[...methods].join(', ')}`
  if (typeof path !== 'string' || !PATH.test(path)) return '"path" is a path of this host with its query'
  if (!isObject(headers)) return '"headers" is an object'
  const fields: Record<string, string> = Object.create(null)
  let length = path.length
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    if (!TOKEN.test(name) || typeof value !== 'string' || !VALUE.test(value)) return 'a header is no valid field'
    if (forbidden.has(lower) || forbiddenPrefixes.some(prefix => lower.startsWith(prefix)) || isSaidByProxies(lower))
      return `"${lower}" cannot be set here`
    fields[lower] = value
    length += name.length + value.length
  }
  if (length > MOST_HEAD_CHARACTERS) return `more than ${MOST_HEAD_CHARACTERS} characters of "path" and "headers"`
  if (body !== null && (method === 'GET' || method === 'HEAD')) return `${method} has no "body"`
  if (body === null || typeof body === 'string') return { id, method, path, headers: fields, body }
  fields['content-type'] ??= 'application/json'
  return { id, method, path, headers: fields, body: JSON.stringify(body) }
}

function refuse(message: string): CallReading {
  return { ok: false, refused: { status: 400, code: 'HG_BATCH_CALL', message } }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
