/**
 * The head of a request as HTTP/2 fields (RFC 9113 §8.2 and §8.3): pseudo fields first, names in lower case, nothing that
 * belongs to one connection; refuses, with a reason, whatever an origin could read as something else than it is.
 */
import type { ExchangeRequest } from '../exchange.ts'
import { consistsOf, isToken, targetCharacters, valueCharacters } from '../h1/characters.ts'
import { decideRequestFraming } from '../h1/encode-head.ts'

/** Flat `[name, value, …]` as node:http2 takes it, or the reason why there is none. */
export type H2Head =
  | { readonly fields: readonly string[]; readonly problem: null }
  | { readonly fields: null; readonly problem: string }

export interface H2Origin {
  readonly scheme: 'http' | 'https'
  /** For requests without Host. */
  readonly authority: string
}

/** RFC 9113 §8.2.2; Host becomes :authority. */
const dropped: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'upgrade',
])

export function encodeH2Head(request: ExchangeRequest, origin: H2Origin): H2Head {
  const { method, path } = request
  if (!isToken(method) || method === 'CONNECT') return refuse('bad method')
  if (!isTarget(path)) return refuse('bad request target')
  const framing = decideRequestFraming(request)
  if (framing.body === 'invalid') return refuse(framing.reason)
  const fields: string[] = []
  const problem = addFields(fields, request.headers)
  if (problem !== null) return refuse(problem)
  if (framing.body === 'length') fields.push('content-length', String(framing.length))
  else if (framing.body === 'zero') fields.push('content-length', '0')
  const authority = hostOf(request.headers) ?? origin.authority
  const pseudo = [':method', method, ':scheme', origin.scheme, ':authority', authority, ':path', path]
  return { fields: pseudo.concat(fields), problem: null }
}

/** Adds the lines that may be sent; returns the reason if one must not even be dropped. */
function addFields(fields: string[], lines: readonly string[]): string | null {
  if (lines.length % 2 !== 0) return 'a field without a value'
  let hosts = 0
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] as string).toLowerCase()
    const value = lines[i + 1] as string
    if (!isToken(name)) return 'bad field name'
    if (!consistsOf(valueCharacters, value)) return 'bad field value'
    if (name === 'content-length' || name === 'transfer-encoding') return 'a framing field among the headers'
    if (name === 'host' && ++hosts > 1) return 'more than one Host'
    if (dropped.has(name) || (name === 'te' && value.trim().toLowerCase() !== 'trailers')) continue
    fields.push(name, value)
  }
  return null
}

function hostOf(lines: readonly string[]): string | null {
  for (let i = 0; i < lines.length; i += 2) if (lines[i]?.toLowerCase() === 'host') return lines[i + 1] ?? null
  return null
}

/** Origin-form, or the asterisk of OPTIONS (RFC 9113 §8.3.1). */
function isTarget(path: string): boolean {
  return (path.charCodeAt(0) === 0x2f || path === '*') && consistsOf(targetCharacters, path)
}

function refuse(problem: string): H2Head {
  return { fields: null, problem }
}
