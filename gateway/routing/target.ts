/**
 * Reads a request target (RFC 9112 §3.2) without ever building a URL from it: the path and the query stay the bytes
 * that the client sent, and only an authority written in absolute-form replaces Host (§3.2.2).
 */
import { type HostFault, parseHost } from './host.ts'

const SLASH = 0x2f
const QUESTION = 0x3f
const HASH = 0x23

/** Why a target was refused; also the reason in the log. */
export type TargetFault = HostFault | 'target-form' | 'target-character' | 'target-fragment'

/**
 * `host` is the normalised name to route by and `port` the one that the client wrote; `hostHeader` is the text that
 * goes upstream as Host; `path` is raw, begins with `/` and ends before the query, or is `*` for a server-wide OPTIONS;
 * `query` is empty or `?…`, byte for byte.
 */
export type TargetDecision =
  | {
      readonly ok: true
      readonly host: string
      readonly port: number | null
      readonly hostHeader: string
      readonly path: string
      readonly query: string
    }
  | { readonly ok: false; readonly status: 400; readonly reason: TargetFault }

/**
 * Checks a target as it came from the wire (one character a byte, so at most U+00FF) together with the Host field.
 * `method` only decides whether `*` is allowed. Bytes from 0x80 up pass; controls, space, DEL and `#` do not.
 */
export function parseTarget(rawUrl: string, hostHeader: string | undefined, method?: string): TargetDecision {
  const question = findQuery(rawUrl)
  if (question < 0) return refuse(rawUrl.includes('#') ? 'target-fragment' : 'target-character')
  if (rawUrl.charCodeAt(0) === SLASH) return accept(hostHeader, rawUrl.slice(0, question), rawUrl.slice(question))
  if (rawUrl === '*' && method === 'OPTIONS') return accept(hostHeader, '*', '')
  return parseAbsolute(rawUrl, question, { hostHeader, method })
}

function parseAbsolute(
  rawUrl: string,
  question: number,
  request: { readonly hostHeader: string | undefined; readonly method: string | undefined },
): TargetDecision {
  const start = authorityStart(rawUrl)
  if (start === 0) return refuse('target-form')
  // A broken Host is an error even where the target overrides it (RFC 9112 §3.2).
  const overridden = request.hostHeader === undefined ? null : parseHost(request.hostHeader)
  if (overridden !== null && !overridden.ok) return refuse(overridden.reason)
  const slash = rawUrl.indexOf('/', start)
  const end = slash < 0 || slash > question ? question : slash
  const path = rawUrl.slice(end, question)
  const query = rawUrl.slice(question)
  const isServerWide = path === '' && query === '' && request.method === 'OPTIONS'
  return accept(rawUrl.slice(start, end), isServerWide ? '*' : path || '/', query)
}

/** Where the query begins, the length where there is none, or -1 if a byte may not stand in a target. */
function findQuery(rawUrl: string): number {
  let question = rawUrl.length
  for (let at = 0; at < rawUrl.length; at++) {
    const code = rawUrl.charCodeAt(at)
    if (code <= 0x20 || code === HASH || code === 0x7f || code > 0xff) return -1
    if (code === QUESTION && at < question) question = at
  }
  return question
}

/** Length of `http://` or `https://` in front of the target, 0 for anything else. */
function authorityStart(rawUrl: string): number {
  const scheme = rawUrl.slice(0, 8).toLowerCase()
  if (scheme === 'https://') return 8
  return scheme.startsWith('http://') ? 7 : 0
}

function accept(hostHeader: string | undefined, path: string, query: string): TargetDecision {
  const host = parseHost(hostHeader)
  if (!host.ok) return refuse(host.reason)
  return { ok: true, host: host.name, port: host.port, hostHeader: hostHeader ?? '', path, query }
}

function refuse(reason: TargetFault): TargetDecision {
  return { ok: false, status: 400, reason }
}
