/**
 * Raw header lines as the object that handlers of undici's own kind expect.
 */
import type { IncomingHttpHeaders } from 'node:http'

/** Lower-case names; the values of a repeated name become an array. */
export function headersObject(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    const seen = headers[name]
    if (seen === undefined) headers[name] = value
    else if (Array.isArray(seen)) seen.push(value)
    else headers[name] = [seen, value]
  }
  return headers as IncomingHttpHeaders
}
