/**
 * Why a request goes as it goes, in a field of its own answer, for whoever may see the admin pages: `X-Hearthgate-Debug`
 * asks for it, with the admin token or from this machine, and `X-Hearthgate-Why` is what `explain` says, in short.
 */
import type { IncomingMessage } from 'node:http'
import type { AdminConfig } from './config/types.ts'
import { type Explanation, explainRequest } from './explain/index.ts'
import type { RequestFacts } from './request-facts.ts'
import { isSameSecret } from './same-secret.ts'
import type { Serving } from './serving.ts'

/** The field that asks; no origin gets to see it. */
export const DEBUG_FIELD = 'x-hearthgate-debug'
export const WHY_FIELD = 'X-Hearthgate-Why'
/** Longest answer to it, so that no client refuses the head. */
const MAX_WHY = 3_072

export type DebugDecision =
  | { readonly tell: true; readonly reason: 'token' | 'loopback' }
  | { readonly tell: false; readonly reason: 'no-token' | 'not-loopback' | 'forwarded' }

export interface DebugQuestion {
  /** What the field says. */
  readonly asked: string
  /** Of the configuration; null where the admin pages are open to this machine. */
  readonly token: string | null
  /** Address of the peer itself. */
  readonly peer: string
  /** Whether another proxy, such as a tunnel of this machine, says that it speaks for somebody. */
  readonly isForwarded: boolean
}

/** As for the admin pages: the token where there is one, else this machine and nobody behind it. */
export function decideDebug({ asked, token, peer, isForwarded }: DebugQuestion): DebugDecision {
  if (token !== null)
    return isSameSecret(asked, token) ? { tell: true, reason: 'token' } : { tell: false, reason: 'no-token' }
  if (!isLoopback(peer)) return { tell: false, reason: 'not-loopback' }
  return isForwarded ? { tell: false, reason: 'forwarded' } : { tell: true, reason: 'loopback' }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

const forwardingFields = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip', 'cf-connecting-ip'] as const

/** The value of the answer's field; null where it is not to be told. */
export function whyFor(
  serving: Serving,
  {
    admin,
    target,
    request,
  }: { readonly admin: AdminConfig; readonly target: string; readonly request: IncomingMessage },
  facts: RequestFacts,
): string | null {
  const { headers, rawHeaders, method = 'GET' } = request
  const asked = String(headers[DEBUG_FIELD])
  const isForwarded = forwardingFields.some(name => headers[name] !== undefined)
  if (!decideDebug({ asked, token: admin.token, peer: facts.client.peer, isForwarded }).tell) return null
  const { proto, peer } = facts.client
  try {
    const url = target.startsWith('/') ? `${proto}://${facts.hostHeader}${target}` : target
    return whyText(explainRequest(serving, { method, url, headers: pairsOf(rawHeaders), peer }), facts.requestId)
  } catch {
    // An address that no person could have written; the request itself goes on.
    return null
  }
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const isOwn = name.startsWith(':') || ['host', DEBUG_FIELD].includes(name.toLowerCase())
    if (!isOwn) pairs.push([name, rawHeaders[i + 1] as string])
  }
  return pairs
}

/** JSON in the letters of a field; cut to what matters most where the whole is too long. */
export function whyText(explanation: Explanation, id: string): string {
  const { route, refusal, considered, sent, decisions } = explanation
  const short = { id, route, refusal }
  const lost = considered.filter(({ won }) => !won).map(({ route: name, verdict }) => `${name}: ${verdict}`)
  const more = {
    sent: sent === null ? null : { host: sent.host, target: sent.target, origins: sent.origins.map(({ url }) => url) },
    cache: decisions?.cache.lookup?.reason ?? decisions?.cache.state ?? null,
    admission: decisions?.admission.limit ?? null,
    compression: decisions?.compression.text ?? null,
  }
  const forms = [{ ...short, ...more, lost }, { ...short, ...more }, short, { id }].map(asciiJson)
  return forms.find(text => text.length <= MAX_WHY) ?? ''
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
