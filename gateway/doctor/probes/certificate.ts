/** The certificate that a server shows for a name, and what is wrong with it. */
import tls from 'node:tls'
import type { Place } from './ask.ts'

const HANDSHAKE_MS = 5_000

export type CertificateFacts =
  | {
      readonly kind: 'shown'
      /** The name it was asked for. */
      readonly name: string
      readonly names: string
      /** Milliseconds since 1970. */
      readonly validFromMs: number
      readonly validToMs: number
      readonly coversName: boolean
      readonly isSelfSigned: boolean
      /** Why this machine, with the authorities it was given, does not believe it; null = it does. */
      readonly distrust: string | null
      /** SHA-256 in hex digits, as `tls.pin` takes it. */
      readonly pin: string
    }
  | { readonly kind: 'none'; readonly name: string; readonly code: string }

/** @param ca PEM of an authority beside those of the system; null = none */
export function readCertificate(place: Place, name: string, ca: string | null = null): Promise<CertificateFacts> {
  const to = 'socketPath' in place.to ? { path: place.to.socketPath } : place.to
  const given = place.serverName === null ? {} : { servername: place.serverName }
  const authority = ca === null ? {} : { ca }
  return new Promise(resolve => {
    const socket = tls.connect({ ...to, ...given, ...authority, rejectUnauthorized: false })
    const finish = (facts: CertificateFacts) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(facts)
    }
    const timer = setTimeout(() => finish({ kind: 'none', name, code: 'TIMEOUT' }), HANDSHAKE_MS)
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish({ kind: 'none', name, code: error.code ?? error.message }),
    )
    socket.on('secureConnect', () => finish(describe(socket, name)))
  })
}

function describe(socket: tls.TLSSocket, name: string): CertificateFacts {
  const shown = socket.getPeerCertificate()
  if (shown.valid_to === undefined) return { kind: 'none', name, code: 'NO_CERTIFICATE' }
  const distrust = socket.authorizationError as unknown
  return {
    kind: 'shown',
    name,
    names: shown.subjectaltname ?? String(shown.subject?.CN ?? ''),
    validFromMs: Date.parse(shown.valid_from),
    validToMs: Date.parse(shown.valid_to),
    coversName: tls.checkServerIdentity(name, shown) === undefined,
    isSelfSigned: JSON.stringify(shown.issuer) === JSON.stringify(shown.subject),
    distrust: distrust ? String((distrust as { code?: string }).code ?? distrust) : null,
    pin: shown.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}
