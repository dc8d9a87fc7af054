/** Strict-Transport-Security on the answers of a route (RFC 6797): its value, and for whom it is sent. */
import { isIP } from 'node:net'
import type { FieldRules } from '../../plugins/proxy/index.ts'
import type { HstsConfig } from '../config/types.ts'

const NAME = 'Strict-Transport-Security'

/** The value of the field (RFC 6797 §6.1). */
export function hstsValue({ maxAgeMs, includeSubdomains, preload }: HstsConfig): string {
  const parts = [`max-age=${Math.floor(maxAgeMs / 1000)}`]
  if (includeSubdomains) parts.push('includeSubDomains')
  if (preload) parts.push('preload')
  return parts.join('; ')
}

/** The rules of a route for answers over TLS; a rule of its own for this field wins. The same object without HSTS. */
export function secureRules(rules: FieldRules, hsts: false | HstsConfig): FieldRules {
  if (hsts === false) return rules
  const named = [...Object.keys(rules.set), ...rules.remove]
  if (named.some(name => name.toLowerCase() === NAME.toLowerCase())) return rules
  return { ...rules, set: { ...rules.set, [NAME]: hstsValue(hsts) } }
}

/** Not over plain HTTP (§7.2), where anybody could have sent it, and not for an address (§8.1.1). */
export function mayHaveHsts(proto: 'http' | 'https', host: string): boolean {
  return proto === 'https' && !host.startsWith('[') && isIP(host) === 0
}
