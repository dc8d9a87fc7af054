/** Which certificate answers for a server name (RFC 6066 §3, RFC 9525 §6.3): its own names, exact before wildcard. */
import type { X509Certificate } from 'node:crypto'

export interface NamedCertificate {
  /** Lower case, without trailing dot; `*.` only as the whole first label. */
  readonly names: readonly string[]
}

/** The DNS names of the certificate; its common name where it has none. */
export function namesOf(certificate: X509Certificate): string[] {
  const names: string[] = []
  for (const entry of (certificate.subjectAltName ?? '').split(', ')) {
    if (entry.startsWith('DNS:')) names.push(canonical(entry.slice(4)))
  }
  return names.length > 0 ? names : commonName(certificate.subject)
}

/** The first of `certificates` with the exact name, else with a wildcard for its parent, else the first of all. */
export function chooseCertificate<T extends NamedCertificate>(
  certificates: readonly T[],
  serverName: string,
): T | null {
  const name = canonical(serverName)
  const dot = name.indexOf('.')
  const wildcard = dot > 0 ? `*${name.slice(dot)}` : null
  let parent: T | null = null
  for (const certificate of certificates) {
    if (certificate.names.includes(name)) return certificate
    if (parent === null && wildcard !== null && certificate.names.includes(wildcard)) parent = certificate
  }
  return parent ?? certificates[0] ?? null
}

function commonName(subject: string | undefined): string[] {
  const line = (subject ?? '').split('\n').find(part => part.startsWith('CN='))
  return line === undefined ? [] : [canonical(line.slice(3))]
}

function canonical(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}
