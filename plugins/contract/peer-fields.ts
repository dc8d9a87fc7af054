/**
 * Fields of a request that only a trusted proxy in front may say: by which way it came, and who the user is.
 */

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
