/**
 * What an unsafe request makes void (RFC 9111 §4.4): its own target, what Location and Content-Location name on the same
 * host, and for WebDAV the other end of a move with all that lies below (RFC 4918 §9).
 */
import { firstValue } from './fields.ts'
import { resolveReference, sameHost } from './reference.ts'
import type { AnswerHead, RequestHead } from './types.ts'

/** Methods that change nothing (IANA registry: safe). Any other, also an unknown one, may. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY'])
/** Methods that take whole collections with them. */
const treeMethods = new Set(['DELETE', 'MOVE', 'COPY'])

export type InvalidationDecision =
  | {
      readonly invalidate: true
      readonly reason: 'unsafe-method'
      /** Targets on the request's own scheme and host. */
      readonly targets: readonly string[]
      /** Beginnings of targets all of which are void. */
      readonly prefixes: readonly string[]
    }
  | { readonly invalidate: false; readonly reason: 'safe-method' | 'error-status' }

export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method)
}

export function decideInvalidation(request: RequestHead, answer: AnswerHead): InvalidationDecision {
  if (safeMethods.has(request.method)) return { invalidate: false, reason: 'safe-method' }
  // RFC 9111 §4.4: a non-error status is a 2xx or a 3xx.
  if (answer.status < 200 || answer.status > 399) return { invalidate: false, reason: 'error-status' }
  const targets = new Set([request.target])
  addReference(targets, firstValue(answer.headers, 'location'), request)
  addReference(targets, firstValue(answer.headers, 'content-location'), request)
  // A redirect, to the login page above all, has not taken anything away.
  const isTree = treeMethods.has(request.method) && answer.status < 300
  const roots = new Set<string>(isTree ? [request.target] : [])
  addReference(roots, isTree ? firstValue(request.headers, 'destination') : null, request)
  for (const root of roots) targets.add(root)
  return { invalidate: true, reason: 'unsafe-method', targets: [...targets], prefixes: [...roots].map(asFolder) }
}

/** The scheme is not compared: an app behind a gateway often names itself with the one it is reached by. */
function addReference(targets: Set<string>, reference: string | null, request: RequestHead): void {
  if (reference === null) return
  const resolved = resolveReference(reference, request)
  if (resolved === null) return
  const isOwnHost = resolved.host === null || isSameName(resolved.host, request)
  if (isOwnHost) targets.add(resolved.target)
}

function isSameName(host: string, request: RequestHead): boolean {
  return sameHost(host, request.host, 'http') || sameHost(host, request.host, 'https')
}

function asFolder(target: string): string {
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  return path.endsWith('/') ? path : `${path}/`
}
