/**
 * Percent-decoding for looking at a text, not for using it: only escapes of ASCII, nothing is an error (RFC 3986 §2.1).
 */

/** How many layers of encoding are looked through; what is wrapped deeper counts as hiding something. */
export const MAX_DECODINGS = 3

/** Takes one layer off: `%74` and the old `%u0074` become `t`; all else stays. */
export function decodeAscii(text: string): string {
  let out = ''
  let from = 0
  for (let at = text.indexOf('%'); at !== -1; at = text.indexOf('%', at + 1)) {
    const isWide = text.charCodeAt(at + 1) === 0x75 || text.charCodeAt(at + 1) === 0x55
    const start = at + (isWide ? 2 : 1)
    const end = start + (isWide ? 4 : 2)
    const code = hexValue(text, start, end)
    if (code < 0 || code > 0x7f) continue
    out += text.slice(from, at) + String.fromCharCode(code)
    from = end
    at = end - 1
  }
  return from === 0 ? text : out + text.slice(from)
}

/** -1 where a digit is missing or none. */
function hexValue(text: string, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = hexDigit(text.charCodeAt(i))
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 0x20
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
