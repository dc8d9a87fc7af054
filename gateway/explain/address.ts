/**
 * The URL that a person writes as what a client puts on the wire: scheme, Host and request target. The path and the
 * query are never normalised, since what odd bytes in them do is what one wants to know.
 */
import { ExplainError } from './errors.ts'

export interface WrittenAddress {
  readonly isTls: boolean
  /** Host field that the URL stands for; empty where it names none. */
  readonly authority: string
  /** Origin-form, one character a byte, without the fragment, which clients keep to themselves (RFC 9110 §4.2.5). */
  readonly target: string
}

/**
 * @param url absolute, or without scheme; the path may be missing
 * @throws ExplainError for another scheme or user information
 */
export function readAddress(url: string): WrittenAddress {
  const { isTls, rest } = cutScheme(url.trim())
  const hash = rest.indexOf('#')
  const sent = hash < 0 ? rest : rest.slice(0, hash)
  const end = endOfAuthority(sent)
  const authority = sent.slice(0, end)
  if (authority.includes('@')) throw new ExplainError('write the URL without user and password; use -H for credentials')
  const target = sent.slice(end)
  return { isTls, authority: toAscii(authority), target: asBytes(target.startsWith('/') ? target : `/${target}`) }
}

function cutScheme(url: string): { readonly isTls: boolean; readonly rest: string } {
  const colon = url.indexOf('://')
  const query = url.indexOf('?')
  if (colon < 0 || (query >= 0 && query < colon) || url.slice(0, colon).includes('/'))
    return { isTls: false, rest: url }
  const scheme = url.slice(0, colon).toLowerCase()
  const isTls = scheme === 'https' || scheme === 'wss'
  if (isTls || scheme === 'http' || scheme === 'ws') return { isTls, rest: url.slice(colon + 3) }
  throw new ExplainError('the URL must begin with http:// or https://')
}

function endOfAuthority(text: string): number {
  const slash = text.indexOf('/')
  const question = text.indexOf('?')
  if (slash < 0) return question < 0 ? text.length : question
  return question < 0 ? slash : Math.min(slash, question)
}

/** Clients write names outside ASCII in punycode (RFC 5891). */
function toAscii(authority: string): string {
  if (Buffer.byteLength(authority) === authority.length || !URL.canParse(`http://${authority}/`)) return authority
  return new URL(`http://${authority}/`).host
}

function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
