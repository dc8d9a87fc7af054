/**
 * Which header fields belong to one hop only, which ones a client may not send about itself, and how the tokens of a
 * Connection field are read (RFC 9110 §7.6.1).
 */
import { isNamed } from '../contract/index.ts'

/** Fields of one connection or of the proxy in front; never passed on, in either direction. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Fields of a request that the gateway writes itself, or that are answered here (Expect). */
export const ownRequestFields: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'forwarded',
  'host',
  // CGI hands it on as HTTP_PROXY (RFC 3875 §4.1.18), which programs take for the proxy that they are to use.
  'proxy',
  'trailer',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  // Asks the gateway for its reasons and may carry its token.
  'x-hearthgate-debug',
  'x-real-ip',
  'x-request-id',
])

/** Lower-case tokens of all Connection lines; null when there is nothing beyond `close` and `keep-alive`. */
export function nominatedFields(rawHeaders: readonly string[]): ReadonlySet<string> | null {
  let nominated: Set<string> | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (!isNamed(name, 'connection')) continue
    for (const part of (rawHeaders[i + 1] as string).split(',')) {
      const token = part.trim().toLowerCase()
      if (token === '' || token === 'close' || token === 'keep-alive') continue
      nominated ??= new Set()
      nominated.add(token)
    }
  }
  return nominated
}
