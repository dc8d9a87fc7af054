/**
 * Certificates that the gateway gets by itself, of its own authority or by ACME. They are files below `state_dir`, which
 * the listeners watch like those of the user, so that every process sees a new one without being told.
 */
import type { GatewayConfig } from '../config/types.ts'
import type { CertificateFiles, SocketConfig } from '../listeners/index.ts'
import { filesOf, isIssued } from './names.ts'

export { CertificateKeeper } from './keeper.ts'
export { readCaCertificate } from './local-ca.ts'
export { foldersOf, wantedCertificates } from './names.ts'

/** The listeners with a file for every certificate; files of the user's come first, the placeholder last. */
export function socketsFor(config: GatewayConfig): SocketConfig[] {
  return config.listen.map(({ host, port, tls }) => {
    if (tls === null) return { host, port, tls: null }
    const issued = filesOf(tls, config).map((file): CertificateFiles => ({ cert: file, key: file, optional: true }))
    return { host, port, tls: [...tls.flatMap(entry => (isIssued(entry) ? [] : [entry])), ...issued] }
  })
}
