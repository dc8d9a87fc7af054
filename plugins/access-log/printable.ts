/**
 * Text of strangers made fit for a line of a log: no character that ends a line, moves a terminal's cursor or turns the
 * direction of writing, and no endless text.
 */

const ELLIPSIS = '…'

/** `text` with such characters as `\xNN` or `\uNNNN`, cut after `limit` characters. */
export function printable(text: string, limit: number): string {
  const kept = text.length > limit ? text.slice(0, limit) + ELLIPSIS : text
  return escapeWhere(kept, isUnsafe)
}

/** As `printable`, for inside double quotes: `"` and `\` are escaped as well. */
export function quotable(text: string, limit: number): string {
  const kept = text.length > limit ? text.slice(0, limit) + ELLIPSIS : text
  return escapeWhere(kept, isUnsafeInQuotes)
}

function escapeWhere(text: string, isEscaped: (code: number) => boolean): string {
  let out = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (!isEscaped(code)) continue
    out += text.slice(from, i) + escapeOf(code)
    from = i + 1
  }
  return from === 0 ? text : out + text.slice(from)
}

/** C0, DEL and C1; line and paragraph separators; marks, overrides and isolates of direction. */
function isUnsafe(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true
  return code >= 0x200e && isDirectionOrLineMark(code)
}

function isDirectionOrLineMark(code: number): boolean {
  return code <= 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
}

function isUnsafeInQuotes(code: number): boolean {
  return code === 0x22 || code === 0x5c || isUnsafe(code)
}

function escapeOf(code: number): string {
  if (code === 0x22) return '\\"'
  if (code === 0x5c) return '\\\\'
  const hex = code.toString(16)
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`
}
