/**
 * What every plugin reads in the flat heads that go through it, `[name, value, …]`: most names are none that it looks for, so
 * the length and the first letters are asked before anything is copied (bench: small, hit).
 */

/** Whether `name` is the lower-case `wanted` in any case (RFC 9110 §5.1: names are ASCII). */
export function isNamed(name: string, wanted: string): boolean {
  if (name === wanted) return true
  if (name.length !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) {
    const code = name.charCodeAt(i)
    const isUpper = code >= 0x41 && code <= 0x5a
    if ((isUpper ? code + 0x20 : code) !== wanted.charCodeAt(i)) return false
  }
  return true
}

/** The first Content-Type as it was sent; null = there is none. */
export function contentTypeOf(fields: readonly string[]): string | null {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i] as string, 'content-type')) return fields[i + 1] as string
  }
  return null
}

/** Types of answers that go on until one side leaves: event streams, and pictures of cameras. */
const endless = ['text/event-stream', 'multipart/x-mixed-replace'] as const

/** By a Content-Type, with parameters or without. */
export function isEndless(contentType: string | null): boolean {
  if (contentType === null) return false
  // The first letter tells nearly all apart, before anything is copied.
  const first = contentType.charCodeAt(0) | 0x20
  return endless.some(type => type.charCodeAt(0) === first && isNamed(contentType.slice(0, type.length), type))
}
