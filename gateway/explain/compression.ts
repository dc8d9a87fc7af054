/**
 * What compression would make of the answer to a request, in words.
 */
import { forecast, isLocalAddress, type RouteCompression } from '../../plugins/compression/index.ts'
import type { CompressionDecision } from './types.ts'

interface AskedRequest {
  readonly method: string
  /** Flat. */
  readonly headers: readonly string[]
}

const words: Readonly<Record<string, string>> = {
  'not-accepted': 'the client takes none of the codings on offer; the answer says Vary where others would get one',
  range: 'parts of an answer are counted in its plain bytes',
  method: 'an answer to HEAD has no body; its head says what a GET would bring',
  'no-transform': 'the request asks for the bytes as they are (Cache-Control: no-transform)',
}

/** `client` is its address. */
export function explainCompression(
  settings: RouteCompression | null,
  { method, headers }: AskedRequest,
  client: string,
): CompressionDecision {
  if (settings === null) return { state: 'off', coding: null, reason: 'off', text: 'off', expected: [] }
  const { coding, reason, expected } = forecast(settings, {
    method,
    acceptEncoding: fieldValue(headers, 'accept-encoding'),
    cacheControl: fieldValue(headers, 'cache-control'),
    range: fieldValue(headers, 'range'),
    isLocal: isLocalAddress(client),
  })
  const text =
    coding === null
      ? `none: ${words[reason] ?? reason}`
      : `${coding}, for types that shrink, from ${settings.minSize} bytes, unless the origin encoded it or forbids it`
  return { state: 'on', coding, reason, text, expected }
}

function fieldValue(headers: readonly string[], name: string): string | undefined {
  const values: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) values.push(headers[i + 1] as string)
  }
  return values.length === 0 ? undefined : values.join(', ')
}
