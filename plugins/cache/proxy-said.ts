/**
 * What a trusted proxy in front says of a request and passes on to the origin: words about the way are a part of the key,
 * words about the person count as credentials.
 */
import { isIdentityField, wayFields } from '../contract/index.ts'

export interface ProxySaid {
  /** Fit for a key; empty where nothing was said. */
  readonly way: string
  /** It names who the user is. */
  readonly isPersonal: boolean
}

export const nothingSaid: ProxySaid = { way: '', isPersonal: false }

/** Addresses of clients: different for each of them, and no app links to one. */
const addresses: ReadonlySet<string> = new Set([
  ...['cf-connecting-ip', 'cf-connecting-ipv6', 'fastly-client-ip', 'true-client-ip', 'x-client-ip'],
  ...['x-cluster-client-ip', 'x-original-forwarded-for'],
])
/** Said beside scheme and host, which are in the key anyway. */
const ways: ReadonlySet<string> = new Set([
  ...[...wayFields].filter(name => !addresses.has(name)),
  ...['x-forwarded-port', 'x-forwarded-prefix', 'forwarded'],
])

export function saidByProxy(headers: readonly string[]): ProxySaid {
  const said: string[] = []
  let isPersonal = false
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const value = headers[i + 1]!
    if (name === 'forwarded') said.push(withoutAddresses(value))
    else if (ways.has(name)) said.push(`${name}=${value}`)
    else if (isIdentityField(name)) isPersonal = true
  }
  return said.length === 0 && !isPersonal ? nothingSaid : { way: JSON.stringify(said), isPersonal }
}

/** RFC 7239 §5: `for` and `by` name addresses. */
function withoutAddresses(forwarded: string): string {
  return forwarded
    .split(/[;,]/)
    .map(pair => pair.trim())
    .filter(pair => !/^(?:for|by)=/i.test(pair))
    .join(';')
}
