/**
 * What compression would make of the answer to a request, in words.
 */
import { forecast, forecastRequest, type RouteCompression } from '../../plugins/compression/index.ts'
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
  if (settings === null) return { state: 'off', coding: null, reason: 'off', text: 'off', expected: [], request: null }
  const { coding, reason, expected } = forecast(settings, {
    method,
    acceptEncoding: fieldValue(headers, 'accept-encoding'),
    cacheControl: fieldValue(headers, 'cache-control'),
    range: fieldValue(headers, 'range'),
    client,
  })
  const text =
    coding === null
      ? `none: ${words[reason] ?? reason}`
      : `${coding}, for types that shrink, from ${settings.minSize} bytes, unless the origin encoded it or forbids it`
  return { state: 'on', coding, reason, text, expected, request: explainBody(settings, headers) }
}

const bodyWords: Readonly<Record<string, string>> = {
  off: 'goes up as it comes (compression.requests)',
  'no-transform': 'goes up as it comes: the request forbids changes (Cache-Control: no-transform)',
  encoded: 'goes up encoded as it comes; the app is to read it (compression.requests.decode is off)',
  stream: 'goes up as it comes: a body without a length is not encoded',
  small: 'goes up as it comes: shorter than min_size',
  'no-type': 'goes up as it comes: it says no type',
  type: 'goes up as it comes: nobody knows whether its type shrinks',
  'compressed-type': 'goes up as it comes: its type is compressed in itself',
  'event-stream': 'goes up as it comes: an event stream',
  level: 'goes up as it comes: level_map leaves its class alone',
  part: 'goes up as it comes: a part of an upload (Content-Range, tus, chunks)',
  digest: 'goes up as it comes: a digest is over its bytes',
  signed: 'goes up as it comes: the request is signed',
  'not-advertised': 'goes up as it comes, until the app asks for a coding by Accept-Encoding in an answer',
  'not-accepted': 'goes up as it comes: the app takes none of the codings',
  'unsupported-coding': 'refused with 415: its coding is not decoded here (compression.requests.decode)',
}

function explainBody(settings: RouteCompression, headers: readonly string[]): CompressionDecision['request'] {
  const { coding, reason } = forecastRequest(settings, headers)
  if (reason === 'no-body') return null
  const { maxBytes, maxRatio } = settings.requests
  const limit = `at most ${maxBytes === null ? '' : `${maxBytes} bytes and `}${maxRatio} times its length, 413 above`
  if (reason === 'decoded') return { coding, reason, text: `decoded from ${coding}, ${limit}` }
  if (coding !== null) return { coding, reason, text: `encoded as ${coding}; sent again plain should the app say 415` }
  return { coding, reason, text: bodyWords[reason] ?? reason }
}

function fieldValue(headers: readonly string[], name: string): string | undefined {
  const values: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) values.push(headers[i + 1] as string)
  }
  return values.length === 0 ? undefined : values.join(', ')
}
