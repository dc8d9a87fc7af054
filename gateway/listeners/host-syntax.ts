/**
 * Whether the text of a Host field or of `:authority` names a host that a home cloud can have (RFC 9110 §7.2, RFC 3986
 * §3.2). Stricter than the grammar: no user information, no percent escapes, no sub-delimiters, never empty.
 */
const MAX_HOST_LENGTH = 263
const MAX_PORT = 65_535

export function isValidHost(host: string): boolean {
  if (host.length === 0 || host.length > MAX_HOST_LENGTH) return false
  const end = host.charCodeAt(0) === 91 ? endOfLiteral(host) : endOfName(host)
  if (end <= 0) return false
  return end === host.length || isPort(host, end)
}

/** The index after `]`, or -1. Holds hex digits, colons and dots only; the router decides whether it knows the address. */
function endOfLiteral(host: string): number {
  for (let i = 1; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 93) return i > 2 ? i + 1 : -1
    if (!(isDigit(code) || code === 58 || code === 46 || isHexLetter(code))) return -1
  }
  return -1
}

/** The index of the colon or the end of the text; -1 with a byte that no name has. */
function endOfName(host: string): number {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 58) return i
    if (!isNameByte(code)) return -1
  }
  return host.length
}

function isNameByte(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 45 || code === 46 || code === 95 || code === 126
}

/** An empty port is legal (RFC 3986 §3.2.3). */
function isPort(host: string, colon: number): boolean {
  if (host.charCodeAt(colon) !== 58) return false
  let port = 0
  for (let i = colon + 1; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (!isDigit(code)) return false
    port = port * 10 + code - 48
  }
  return port <= MAX_PORT
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

function isHexLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 102
}
