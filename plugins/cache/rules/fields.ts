/**
 * Reading flat header fields (name, value, name, value …) and comma lists without copying them (RFC 9110 §5).
 */
import { isNamed } from '../../contract/index.ts'

/** Value of the first line of that lower-case name, or null. */
export function firstValue(fields: readonly string[], name: string): string | null {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i]!, name)) return fields[i + 1]!
  }
  return null
}

/** Values of all lines of that lower-case name, in order. */
export function lineValues(fields: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i]!, name)) values.push(fields[i + 1]!)
  }
  return values
}

/** All lines of that lower-case name as one list (RFC 9110 §5.3), or null when there is none. */
export function joinedValue(fields: readonly string[], name: string): string | null {
  let joined: string | null = null
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i]!, name)) joined = joined === null ? fields[i + 1]! : `${joined}, ${fields[i + 1]!}`
  }
  return joined
}

/** The lines whose lower-case name is not among `names`. */
export function withoutFields(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!names.has(fields[i]!.toLowerCase())) kept.push(fields[i]!, fields[i + 1]!)
  }
  return kept
}

/** Position of the comma that ends the member at `from`, outside of quoted strings; the length when there is none. */
export function memberEnd(list: string, from: number): number {
  let isQuoted = false
  for (let at = from; at < list.length; at++) {
    const code = list.charCodeAt(at)
    if (isQuoted && code === 0x5c) at++
    else if (code === 0x22) isQuoted = !isQuoted
    else if (code === 0x2c && !isQuoted) return at
  }
  return list.length
}

/** Members of a comma list, trimmed; empty ones are left out (RFC 9110 §5.6.1.2). */
export function listMembers(list: string): string[] {
  const members: string[] = []
  for (let at = 0; at < list.length; ) {
    const end = memberEnd(list, at)
    const member = list.slice(at, end).trim()
    if (member !== '') members.push(member)
    at = end + 1
  }
  return members
}

const tokenCodes = new Uint8Array(128)
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  tokenCodes[char.charCodeAt(0)] = 1
}

/** Position behind the token that begins at `from` (RFC 9110 §5.6.2); `from` itself when there is none. */
export function tokenEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && tokenCodes[text.charCodeAt(at)] === 1) at++
  return at
}

export function isToken(text: string): boolean {
  return text !== '' && tokenEnd(text, 0) === text.length
}

/** Whole number of decimal digits and nothing else, or null; above `most` it is `most`. */
export function wholeNumber(text: string, most = Number.MAX_SAFE_INTEGER): number | null {
  if (text === '') return null
  let number = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return null
    number = Math.min(number * 10 + digit, most)
  }
  return number
}
