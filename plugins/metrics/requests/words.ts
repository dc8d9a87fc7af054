/**
 * What a request says of itself, brought down to closed sets of words: nothing that a client or an origin can choose freely
 * becomes a label.
 */

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
  'REPORT',
  'MKCOL',
  'MOVE',
  'COPY',
]
const knownMethods: ReadonlySet<string> = new Set(methods)

export function methodWord(method: string): string {
  return knownMethods.has(method) ? method : 'other'
}

const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** `none` for a request that was sent no status at all. */
export function statusClass(status: number): string {
  return classes[Math.floor(status / 100)] ?? 'other'
}

const encodings: Readonly<Record<string, string>> = {
  zstd: 'zstd',
  br: 'br',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  dcz: 'dcz',
  dcb: 'dcb',
  identity: 'identity',
}

/** A Content-Encoding; `other` for one that is not known here, or for several at once. */
export function encodingWord(encoding: string | null): string {
  if (encoding === null) return 'identity'
  return Object.hasOwn(encodings, encoding) ? (encodings[encoding] as string) : 'other'
}

/** The word of the cache, `none` where it had no part. */
export function cacheWord(cache: string | null): string {
  return cache ?? 'none'
}

/** Codes and words of outcomes are few and short; what is neither is no outcome of ours. */
const MAX_OUTCOME = 40

export function outcomeWord(outcome: string): string {
  return outcome.length <= MAX_OUTCOME ? outcome : 'other'
}

/** Addresses of homes: private (RFC 1918, RFC 4193), link-local, loopback and shared (RFC 6598, overlay networks). */
export function isHomeAddress(address: string): boolean {
  if (address.includes(':')) return isHomeAddress6(address.toLowerCase())
  const [a = 0, b = 0] = address.split('.', 2).map(Number)
  if (a === 10 || a === 127) return true
  if (a === 192) return b === 168
  if (a === 172) return b >= 16 && b <= 31
  return (a === 169 && b === 254) || (a === 100 && b >= 64 && b <= 127)
}

function isHomeAddress6(address: string): boolean {
  return address === '::1' || /^f[cd]|^fe[89ab]/.test(address)
}
