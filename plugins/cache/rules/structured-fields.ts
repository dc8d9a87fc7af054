/**
 * The parser of RFC 8941 (with the types of RFC 9651) for dictionaries, as targeted cache fields are written. A single
 * wrong character makes the whole field void, as the standard asks.
 */
import { tokenEnd } from './fields.ts'

export type StructuredItem =
  | { readonly type: 'integer' | 'decimal' | 'date'; readonly value: number }
  | { readonly type: 'string' | 'token' | 'bytes' | 'display'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'list'; readonly value: readonly StructuredItem[] }

interface Cursor {
  readonly text: string
  at: number
}

/** Members by key (the last of equal keys counts), or null when the text is no dictionary; parameters are dropped. */
export function parseDictionary(text: string): Map<string, StructuredItem> | null {
  const members = new Map<string, StructuredItem>()
  const cursor: Cursor = { text, at: 0 }
  skipSpaces(cursor)
  while (cursor.at < text.length) {
    const key = readKey(cursor)
    if (key === null) return null
    const item = readMember(cursor)
    if (item === null) return null
    members.set(key, item)
    skipBlanks(cursor)
    if (cursor.at === text.length) return members
    if (text[cursor.at++] !== ',') return null
    skipBlanks(cursor)
    if (cursor.at === text.length) return null
  }
  return members
}

function readMember(cursor: Cursor): StructuredItem | null {
  let item: StructuredItem | null = { type: 'boolean', value: true }
  if (cursor.text[cursor.at] === '=') {
    cursor.at++
    item = cursor.text[cursor.at] === '(' ? readInnerList(cursor) : readBareItem(cursor)
  }
  return item !== null && readParameters(cursor) ? item : null
}

function readInnerList(cursor: Cursor): StructuredItem | null {
  const value: StructuredItem[] = []
  cursor.at++
  while (cursor.at < cursor.text.length) {
    const before = cursor.at
    skipSpaces(cursor)
    if (cursor.text[cursor.at] === ')') {
      cursor.at++
      return { type: 'list', value }
    }
    if (value.length > 0 && cursor.at === before) return null
    const item = readBareItem(cursor)
    if (item === null || !readParameters(cursor)) return null
    value.push(item)
  }
  return null
}

function readParameters(cursor: Cursor): boolean {
  while (cursor.text[cursor.at] === ';') {
    cursor.at++
    skipSpaces(cursor)
    if (readKey(cursor) === null) return false
    if (cursor.text[cursor.at] !== '=') continue
    cursor.at++
    if (readBareItem(cursor) === null) return false
  }
  return true
}

function readBareItem(cursor: Cursor): StructuredItem | null {
  const first = cursor.text[cursor.at] ?? ''
  if (first === '"') return readString(cursor)
  if (first === '?') return readBoolean(cursor)
  if (first === ':') return readBytes(cursor)
  if (first === '@') return readDate(cursor)
  if (first === '%') return readDisplayString(cursor)
  if (first === '-' || isDigit(first)) return readNumber(cursor)
  return first === '*' || isLetter(first) ? readToken(cursor) : null
}

function readNumber(cursor: Cursor): StructuredItem | null {
  const start = cursor.at
  if (cursor.text[cursor.at] === '-') cursor.at++
  const whole = readDigits(cursor)
  if (whole === 0) return null
  if (cursor.text[cursor.at] !== '.') return whole > 15 ? null : numberSince(cursor, start, 'integer')
  cursor.at++
  const fraction = readDigits(cursor)
  return whole > 12 || fraction === 0 || fraction > 3 ? null : numberSince(cursor, start, 'decimal')
}

function numberSince(cursor: Cursor, start: number, type: 'integer' | 'decimal'): StructuredItem {
  return { type, value: Number(cursor.text.slice(start, cursor.at)) }
}

function readDate(cursor: Cursor): StructuredItem | null {
  cursor.at++
  const number = readNumber(cursor)
  return number?.type === 'integer' ? { type: 'date', value: number.value } : null
}

function readString(cursor: Cursor): StructuredItem | null {
  let value = ''
  for (cursor.at++; cursor.at < cursor.text.length; cursor.at++) {
    let char = cursor.text[cursor.at]!
    if (char === '"') {
      cursor.at++
      return { type: 'string', value }
    }
    if (char === '\\') {
      char = cursor.text[++cursor.at] ?? ''
      if (char !== '"' && char !== '\\') return null
    } else if (char < ' ' || char > '~') return null
    value += char
  }
  return null
}

function readDisplayString(cursor: Cursor): StructuredItem | null {
  cursor.at++
  if (cursor.text[cursor.at] !== '"') return null
  const end = cursor.text.indexOf('"', cursor.at + 1)
  if (end === -1) return null
  const value = cursor.text.slice(cursor.at + 1, end)
  cursor.at = end + 1
  return { type: 'display', value }
}

function readBytes(cursor: Cursor): StructuredItem | null {
  const end = cursor.text.indexOf(':', cursor.at + 1)
  if (end === -1) return null
  const value = cursor.text.slice(cursor.at + 1, end)
  cursor.at = end + 1
  for (const char of value) {
    if (!isDigit(char) && !isLetter(char) && char !== '+' && char !== '/' && char !== '=') return null
  }
  return { type: 'bytes', value }
}

function readBoolean(cursor: Cursor): StructuredItem | null {
  const digit = cursor.text[cursor.at + 1]
  if (digit !== '0' && digit !== '1') return null
  cursor.at += 2
  return { type: 'boolean', value: digit === '1' }
}

function readToken(cursor: Cursor): StructuredItem {
  const start = cursor.at
  for (;;) {
    cursor.at = tokenEnd(cursor.text, cursor.at)
    const next = cursor.text[cursor.at]
    if (next !== ':' && next !== '/') break
    cursor.at++
  }
  return { type: 'token', value: cursor.text.slice(start, cursor.at) }
}

function readKey(cursor: Cursor): string | null {
  const start = cursor.at
  const first = cursor.text[start] ?? ''
  if (first !== '*' && !isLowerLetter(first)) return null
  while (cursor.at < cursor.text.length) {
    const char = cursor.text[cursor.at]!
    if (!isLowerLetter(char) && !isDigit(char) && !'_-.*'.includes(char)) break
    cursor.at++
  }
  return cursor.text.slice(start, cursor.at)
}

function readDigits(cursor: Cursor): number {
  const start = cursor.at
  while (isDigit(cursor.text[cursor.at] ?? '')) cursor.at++
  return cursor.at - start
}

function skipSpaces(cursor: Cursor): void {
  while (cursor.text[cursor.at] === ' ') cursor.at++
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.text[cursor.at] === ' ' || cursor.text[cursor.at] === '\t') cursor.at++
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9' && char.length === 1
}

function isLowerLetter(char: string): boolean {
  return char >= 'a' && char <= 'z' && char.length === 1
}

function isLetter(char: string): boolean {
  return isLowerLetter(char) || (char >= 'A' && char <= 'Z' && char.length === 1)
}
