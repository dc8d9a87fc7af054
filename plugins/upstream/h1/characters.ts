/**
 * Which bytes may stand where in an HTTP/1.1 message: tokens, field values and request targets (RFC 9110 §5.5 and
 * §5.6.2, RFC 9112 §3.2). Tables of 256 flags; a code above 255 has no flag and is therefore never allowed.
 */

/** 1 for the characters of a token (method, field name). */
export const tokenCharacters: Uint8Array = tableOf(code =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(code)),
)

/** 1 for the characters of a field value: HTAB, SP, visible ASCII and obs-text; no other control character. */
export const valueCharacters: Uint8Array = tableOf(code => code === 0x09 || (code >= 0x20 && code !== 0x7f))

/** 1 for the characters of a request target: no control character and no space. */
export const targetCharacters: Uint8Array = tableOf(code => code > 0x20 && code !== 0x7f)

/** True if every character of `text` is in `table`; true for the empty string. */
export function consistsOf(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return true
}

/** True for one character or more, all of them token characters. */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(tokenCharacters, text)
}

/** The number that `text` spells in decimal digits only; null for anything else and beyond 2^53 - 1. */
export function parseDecimal(text: string): number | null {
  if (text.length === 0 || text.length > 16) return null
  let number = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return null
    number = number * 10 + digit
  }
  return number <= Number.MAX_SAFE_INTEGER ? number : null
}

function tableOf(isAllowed: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isAllowed(code) ? 1 : 0))
}
