/**
 * What encoding does to the head of an answer: Vary, entity tags and everything that describes bytes which are no longer
 * sent. Works on flat lists, `[name, value, …]`, in place.
 */
import { DECODED, parseEntityTag, parseTagList, tagForClient, tagForOrigin } from '../../cache/index.ts'
import { acceptsCoding } from './accept-encoding.ts'
import type { Coding } from './types.ts'

/**
 * What is untrue of encoded bytes: ranges count in the plain ones, digests are of the representation or the content
 * (RFC 9530 §2, §3), and all of them would be wrong.
 */
export const untrueOnceEncoded: readonly string[] = [
  ...['accept-ranges', 'content-length', 'content-md5', 'content-digest', 'repr-digest', 'digest'],
]
const untrue: ReadonlySet<string> = new Set(untrueOnceEncoded)

const ACCEPT_ENCODING = 'accept-encoding'

/** The value of Vary with Accept-Encoding in it, once and in lower case; unchanged where it says `*` (§12.5.5). */
export function varyWith(value: string | null): string {
  if (value === null || value.trim() === '') return ACCEPT_ENCODING
  const members = value.split(',').map(member => member.trim())
  if (members.includes('*')) return value
  const others = members.filter(member => member !== '' && member.toLowerCase() !== ACCEPT_ENCODING)
  return [...others, ACCEPT_ENCODING].join(', ')
}

/** Adds Accept-Encoding to Vary; several lines become one only where it is missing from all. */
export function addVary(fields: string[]): void {
  let first = -1
  for (let i = 0; i < fields.length; i += 2) {
    if (!isNamed(fields[i] as string, 'vary')) continue
    if (first < 0) first = i
    if (namesAcceptEncoding(fields[i + 1] as string)) return
  }
  if (first < 0) fields.push('Vary', ACCEPT_ENCODING)
  else fields[first + 1] = varyWith(fields[first + 1] as string)
}

function namesAcceptEncoding(value: string): boolean {
  return value.split(',').some(member => {
    const name = member.trim().toLowerCase()
    return name === ACCEPT_ENCODING || name === '*'
  })
}

/** The tag of an answer that goes out plain: only one that looks like a marked one is changed. */
export function markPlain(fields: string[]): void {
  replaceTag(fields, raw => tagForClient(raw, null))
}

/** An answer that is decoded: no coding, no length, and a tag of its own (RFC 9110 §8.8.3.3). */
export function markDecoded(fields: string[]): void {
  replaceTag(fields, raw => tagForClient(raw, DECODED))
  removeWhere(fields, lower => untrue.has(lower) || lower === 'content-encoding')
}

/** A HEAD says of the answer what a GET would (RFC 9110 §9.3.2) and no length that it would not have (§8.6). */
export function markHead(fields: string[], coding: Coding): void {
  replaceTag(fields, raw => tagForClient(raw, coding))
  removeWhere(fields, lower => untrue.has(lower))
}

function removeWhere(fields: string[], isGone: (lower: string) => boolean): void {
  let kept = 0
  for (let i = 0; i < fields.length; i += 2) {
    if (isGone((fields[i] as string).toLowerCase())) continue
    fields[kept] = fields[i] as string
    fields[kept + 1] = fields[i + 1] as string
    kept += 2
  }
  fields.length = kept
}

/** What of the request decides which of its tags a 304 confirms. */
export interface Conditional {
  readonly ifNoneMatch: string | undefined
  readonly accept: string | undefined
}

/**
 * A 304 names the representation that the client has (RFC 9110 §15.4.5): of the tags it sent, the one that stands for
 * the origin's. True when that one was made here.
 */
export function markNotModified(fields: string[], asked: Conditional): boolean {
  let isMade = false
  replaceTag(fields, raw => {
    const held = heldTag(raw, asked)
    isMade = held?.coding != null
    return held?.raw ?? tagForClient(raw, null)
  })
  return isMade
}

function heldTag(origin: string, { ifNoneMatch, accept }: Conditional): { raw: string; coding: string | null } | null {
  const own = parseEntityTag(origin)
  const listed = ifNoneMatch === undefined ? [] : parseTagList(ifNoneMatch)
  if (own === null || own.isWeak || listed === '*') return null
  for (const tag of listed) {
    // A cache that keeps encoded forms has named one of them itself.
    if (tag.raw === own.raw) return { raw: own.raw, coding: null }
    const { raw, coding } = tagForOrigin(tag)
    if (raw === own.raw && isStillTaken(coding, accept)) return { raw: tag.raw, coding }
  }
  return null
}

/** Whether a client that was sent `coding` once would be sent it now. */
export function isStillTaken(coding: string | null, accept: string | undefined): boolean {
  return coding === null || coding === DECODED || acceptsCoding(accept, coding)
}

function replaceTag(fields: string[], replace: (raw: string) => string): void {
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i] as string, 'etag')) fields[i + 1] = replace(fields[i + 1] as string)
  }
}

function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && name.toLowerCase() === lower
}
