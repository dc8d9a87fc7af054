/**
 * Entity tags: reading and comparing them (RFC 9110 §8.8.3), and the suffix that makes a strong tag of its own for every
 * coding the gateway applies. The suffix is reversible: no tag of an origin can be taken for one of ours.
 */
import { isToken, memberEnd } from './fields.ts'

export interface EntityTag {
  /** As it stood in the field. */
  readonly raw: string
  /** What stands between the quotes; the whole text of a tag without them. */
  readonly opaque: string
  readonly isWeak: boolean
}

/** A quoted tag, or what an origin sends for one: a tag without quotes is weak and equal to itself only. */
export function parseEntityTag(text: string): EntityTag | null {
  const raw = text.trim()
  if (raw === '' || raw === '*') return null
  const isWeak = raw.startsWith('W/"')
  const quote = isWeak ? 2 : 0
  if (raw[quote] !== '"' || raw.length < quote + 2 || raw.indexOf('"', quote + 1) !== raw.length - 1) {
    return { raw, opaque: raw, isWeak: true }
  }
  return { raw, opaque: raw.slice(quote + 1, -1), isWeak }
}

function isQuoted(tag: EntityTag): boolean {
  return tag.raw !== tag.opaque
}

/** RFC 9110 §8.8.3.2, weak comparison. */
export function equalWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque && isQuoted(a) === isQuoted(b)
}

/** RFC 9110 §8.8.3.2, strong comparison. */
export function equalStrongly(a: EntityTag, b: EntityTag): boolean {
  return !a.isWeak && !b.isWeak && a.opaque === b.opaque
}

/** The tags of If-None-Match or If-Match (all lines joined); `*` for any. Opaque parts may hold commas. */
export function parseTagList(value: string): readonly EntityTag[] | '*' {
  const tags: EntityTag[] = []
  for (let at = 0; at < value.length; ) {
    const end = tagEnd(value, at)
    const text = value.slice(at, end).trim()
    if (text === '*') return '*'
    const tag = parseEntityTag(text)
    if (tag !== null) tags.push(tag)
    at = end + 1
  }
  return tags
}

/** A backslash in a tag is a character like any other, unlike in a quoted string. */
function tagEnd(list: string, from: number): number {
  if (!list.includes('\\')) return memberEnd(list, from)
  let isInside = false
  for (let at = from; at < list.length; at++) {
    if (list[at] === '"') isInside = !isInside
    else if (list[at] === ',' && !isInside) return at
  }
  return list.length
}

const mark = '~hg-'
/** The word in the mark of an answer that came encoded and leaves plain. */
export const DECODED = 'decoded'
/** Stands behind a tag that the origin itself ended like one of ours. */
const plain = 'id'

/** The coding at the end of an opaque tag, null when it does not end like one of ours. */
function suffixOf(opaque: string): string | null {
  const at = opaque.lastIndexOf(mark)
  if (at === -1) return null
  const coding = opaque.slice(at + mark.length)
  return isToken(coding) && !coding.includes('~') ? coding : null
}

/**
 * The tag a client gets for an answer that goes out with `coding` (null: as the origin sent it). Weak tags stay as they
 * are: they claim no equal bytes. A coding must be a token without `~`.
 */
export function tagForClient(raw: string, coding: string | null): string {
  const tag = parseEntityTag(raw)
  if (tag === null || tag.isWeak) return raw
  if (coding !== null) return `"${tag.opaque}${mark}${coding}"`
  return suffixOf(tag.opaque) === null ? raw : `"${tag.opaque}${mark}${plain}"`
}

/** The origin's tag behind one that a client sent back, and the coding it was sent with (null: none). */
export function tagForOrigin(tag: EntityTag): { readonly raw: string; readonly coding: string | null } {
  const suffix = tag.isWeak ? null : suffixOf(tag.opaque)
  if (suffix === null) return { raw: tag.raw, coding: null }
  const raw = `"${tag.opaque.slice(0, tag.opaque.lastIndexOf(mark))}"`
  return { raw, coding: suffix === plain ? null : suffix }
}

/**
 * The value of If-Range as the origin is to see it. A part of encoded bytes cannot be completed from plain ones (RFC 9110
 * §13.1.5): their tag stays as it is, no origin knows it, and the whole is sent.
 */
export function rangeConditionForOrigin(value: string): string {
  const tag = value.includes(mark) ? parseEntityTag(value) : null
  if (tag === null) return value
  const { raw, coding } = tagForOrigin(tag)
  return coding === null ? raw : value
}

/**
 * The value of If-None-Match or If-Match as the origin is to see it; unchanged when no tag is ours. The tag of a coding that
 * the client no longer takes keeps its mark: what it would be sent now is another representation, which a 304 must not
 * confirm (RFC 9110 §13.1.2).
 */
export function tagListForOrigin(value: string, isTaken: (coding: string) => boolean = () => true): string {
  if (!value.includes(mark)) return value
  const tags = parseTagList(value)
  if (tags === '*') return value
  const mapped = tags.map(tag => {
    const { raw, coding } = tagForOrigin(tag)
    return coding === null || isTaken(coding) ? raw : tag.raw
  })
  return [...new Set(mapped)].join(', ')
}
