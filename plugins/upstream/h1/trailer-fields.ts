/**
 * Which fields may not stand in a trailer section, because they decide about framing, routing, authentication or how
 * the content is read (RFC 9110 §6.5.1): merged late into a head they would change its meaning. They are dropped.
 */

const forbidden = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'www-authenticate',
])

/** The lines of flat `[name, value, …]` that may stand in a trailer section, in their order. */
export function allowedTrailers(lines: readonly string[]): string[] {
  const allowed: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string
    if (!forbidden.has(name.toLowerCase())) allowed.push(name, lines[i + 1] as string)
  }
  return allowed
}
