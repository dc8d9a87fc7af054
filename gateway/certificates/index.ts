/**
 * Certificates that the gateway gets by itself, of its own authority or by ACME. They are files below `state_dir`, which
 * the listeners watch like those of the user, so that every process sees a new one without being told.
 */
import type { GatewayConfig } from '../config/types.ts'
import type { CertificateFiles, SocketConfig } from '../listeners/index.ts'
import type { CaCertificate } from './local-ca.ts'
import { filesOf, foldersOf, isIssued } from './names.ts'

export { CHALLENGE_PATH, httpAnswer } from './challenges.ts'
export { certificateWarnings } from './expiry.ts'
export { CertificateKeeper } from './keeper.ts'
export { foldersOf, wantedCertificates } from './names.ts'

/** The listeners with a file for every certificate; files of the user's come first, the placeholder last. */
export function socketsFor(config: GatewayConfig): SocketConfig[] {
  return config.listen.map(({ host, port, tls }) => {
    if (tls === null) return { host, port, tls: null }
    const issued = filesOf(tls, config).map((file): CertificateFiles => ({ cert: file, key: file, optional: true }))
    const answersChecks = config.acme?.challenge === 'tls-alpn-01' && tls.some(entry => isIssued(entry) && entry.acme)
    const checks = answersChecks ? { checks: foldersOf(config).alpnChallenges } : {}
    return { host, port, ...checks, tls: [...tls.flatMap(entry => (isIssued(entry) ? [] : [entry])), ...issued] }
  })
}

/** Null where there is no authority yet. Rejects as `readCaCertificate` of local-ca.ts, which is loaded here. */
export async function readLocalCa(folder: string): Promise<CaCertificate | null> {
  const { readCaCertificate } = await import('./local-ca.ts')
  return readCaCertificate(folder)
}
