/**
 * Takes secrets out of header fields before they are shown (`explain`, captures, reports).
 */
import { HIDDEN, redactUrl } from './redact.ts'
import { isSecretField } from './secret-names.ts'

/** Fields that hold a URL. */
const URL_FIELDS = new Set([
  ':path',
  'content-location',
  'destination',
  'link',
  'location',
  'origin',
  'referer',
  'refresh',
  'x-forwarded-uri',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
])

/** Longest name of a subprotocol that is shown. */
const MAX_PROTOCOL = 32

/** The value of a field as it may be shown; the case of `name` makes no difference. */
export function redactField(name: string, value: string): string {
  const lower = name.toLowerCase()
  if (isSecretField(lower)) return HIDDEN
  if (lower === 'sec-websocket-protocol') return redactProtocols(value)
  return URL_FIELDS.has(lower) ? redactUrl(value) : value
}

/** Fields by name, as Node has them. */
export type HeaderObject = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** The same fields with their secrets hidden: as a flat list of name and value in turns, or by name. */
export function redactHeaders(headers: readonly string[]): string[]
/** Names stay as they are, undefined ones are left out. */
export function redactHeaders(headers: HeaderObject): Record<string, string | string[]>
export function redactHeaders(headers: readonly string[] | HeaderObject): string[] | Record<string, string | string[]> {
  return isFlat(headers) ? redactFlat(headers) : redactObject(headers)
}

function isFlat(headers: readonly string[] | HeaderObject): headers is readonly string[] {
  return Array.isArray(headers)
}

function redactFlat(headers: readonly string[]): string[] {
  return headers.map((text, i) => (i % 2 === 0 ? text : redactField(headers[i - 1] ?? '', text)))
}

function redactObject(headers: HeaderObject): Record<string, string | string[]> {
  const shown: [string, string | string[]][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    const isList = typeof value !== 'string' && typeof value !== 'number'
    shown.push([name, isList ? value.map(item => redactField(name, item)) : redactField(name, String(value))])
  }
  return Object.fromEntries(shown)
}

/** Some apps carry a token as a subprotocol, often behind one that says so (`bearer, eyJ…`). */
function redactProtocols(value: string): string {
  let isToken = false
  const shown = value.split(',').map(item => {
    const protocol = item.trim()
    const isHidden = isToken || !isProtocolName(protocol)
    isToken ||= isHidden || isSecretField(protocol) || protocol.toLowerCase() === 'bearer'
    return isHidden ? HIDDEN : protocol
  })
  return shown.join(', ')
}

/** A name is made of words and versions (`v4.channel.k8s.io`, `graphql-transport-ws`), a token is not. */
function isProtocolName(protocol: string): boolean {
  if (protocol.length > MAX_PROTOCOL) return false
  return protocol.split(/[-._]/).every(part => part.length <= 4 || /^(?:[a-z]+|[A-Z][a-z]+|[A-Z]+)\d{0,3}$/.test(part))
}
