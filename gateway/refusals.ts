/**
 * The answers of the gateway to requests that no origin gets to see: malformed, denied, nowhere to go, a method that is
 * never passed on, a route that is switched off by a fault.
 */
import type { PublicFailure } from '../plugins/proxy/index.ts'
import { ALLOWED_METHODS } from './allowed-methods.ts'
import type { RequestFacts } from './request-facts.ts'

const davCodes = { 400: 'HG_BAD_REQUEST', 403: 'HG_DENIED', 502: 'HG_DESTINATION' } as const
const davMessages = {
  'destination-malformed': 'the Destination cannot be read',
  'destination-denied': 'the Destination is denied here',
  'destination-elsewhere': 'the Destination does not belong to the same app',
} as const

/** Null when the request may go on to its route's origin. */
export function refusalFor(method: string, facts: RequestFacts): PublicFailure | null {
  const { match, requestId, dav } = facts
  const refuse = (status: number, code: string, message: string): PublicFailure => {
    return { status, code, message, requestId, proxyStatus: null, retryAfter: null }
  }
  if (match.kind === 'malformed' || match.kind === 'bad') {
    return refuse(400, 'HG_BAD_REQUEST', `the request is malformed: ${match.reason}`)
  }
  if (match.kind === 'denied') return refuse(403, 'HG_DENIED', 'this address is denied here')
  if (dav.kind === 'refuse') return refuse(dav.status, davCodes[dav.status], davMessages[dav.reason])
  // RFC 9110 §9.3.8: TRACE would show a client the fields that were added on the way; §15.5.6: a 405 says what is allowed.
  if (method === 'TRACE') {
    return { ...refuse(405, 'HG_METHOD', 'TRACE is not passed on'), fields: { allow: ALLOWED_METHODS } }
  }
  if (match.kind === 'none') return refuse(404, 'HG_NO_ROUTE', 'no route of this gateway matches the address')
  if (match.route.fault !== null) {
    const failure = refuse(503, 'HG_ROUTE_FAULT', 'this route is switched off by a mistake in its configuration')
    return { ...failure, proxyStatus: 'proxy_configuration_error', retryAfter: 60 }
  }
  return null
}
