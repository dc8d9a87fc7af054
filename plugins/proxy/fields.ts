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

/** Fields about the way a request came; only a trusted proxy in front may say them. */
export const wayFields: ReadonlySet<string> = new Set([
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'client-ip',
  'fastly-client-ip',
  'forwarded-for',
  'front-end-https',
  'proxy-client-ip',
  'true-client-ip',
  'wl-proxy-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded',
  'x-forwarded-by',
  'x-forwarded-method',
  'x-forwarded-path',
  'x-forwarded-protocol',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-forwarded-uri',
  'x-host',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-proxyuser-ip',
  'x-rewrite-url',
  'x-scheme',
  'x-url-scheme',
])

/**
 * Fields by which home apps learn from a proxy who the user is. A client that could send one would be anybody it
 * likes, so they are taken off every request of an untrusted peer (demands G4).
 */
const identityFields: ReadonlySet<string> = new Set([
  'remote-email',
  'remote-groups',
  'remote-name',
  'remote-user',
  'tailscale-user-login',
  'tailscale-user-name',
  'tailscale-user-profile-pic',
  'x-forwarded-access-token',
  'x-forwarded-client-cert',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-user',
  'x-remote-email',
  'x-remote-groups',
  'x-remote-name',
  'x-remote-user',
  'x-ssl-client-cert',
  'x-ssl-client-dn',
  'x-ssl-client-s-dn',
  'x-ssl-client-verify',
  'x-token-user-email',
  'x-token-user-name',
  'x-webauth-email',
  'x-webauth-groups',
  'x-webauth-name',
  'x-webauth-role',
  'x-webauth-user',
])

const identityPrefixes = [
  'cf-access-',
  'x-auth-request-',
  'x-authelia-',
  'x-authentik-',
  'x-ms-client-principal',
  'x-pomerium-',
  'x-vouch-',
]

export function isIdentityField(lowerName: string): boolean {
  return identityFields.has(lowerName) || identityPrefixes.some(prefix => lowerName.startsWith(prefix))
}

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
