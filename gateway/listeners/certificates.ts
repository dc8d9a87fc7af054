/**
 * The certificates of one TLS listener: read from their files, checked against their keys, chosen by server name, and
 * read again when a file changes. A new file that cannot be used leaves the old certificate in place.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { CertificateConfig } from '../config/types.ts'
import { chooseCertificate, namesOf } from './certificate-names.ts'
import { reasonOf, TlsError } from './errors.ts'
import type { ListenerLog } from './types.ts'
import { FileWatch } from './watch-files.ts'

export interface LoadedCertificate {
  readonly files: CertificateConfig
  readonly names: readonly string[]
  readonly context: SecureContext
  /** PEM texts. */
  readonly cert: string
  readonly key: string
}

/** Throws `HG_TLS` with the file and the reason: unreadable, not PEM, or a key of another certificate. */
export async function loadCertificate(files: CertificateConfig): Promise<LoadedCertificate> {
  const [cert, key] = await Promise.all([readPem(files.cert), readPem(files.key)])
  const certificate = attempt(files.cert, () => new X509Certificate(cert))
  const privateKey = attempt(files.key, () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsError(files.key, `is not the private key of ${files.cert}`)
  }
  const context = attempt(files.cert, () => createSecureContext({ cert, key, minVersion: 'TLSv1.2' }))
  return { files, names: namesOf(certificate), context, cert, key }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new TlsError(file, reasonOf(cause), { cause })
  }
}

function attempt<T>(file: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new TlsError(file, reasonOf(cause), { cause })
  }
}

export class CertificateStore {
  #certificates: readonly LoadedCertificate[]
  readonly #log: ListenerLog
  readonly #watch: FileWatch
  #onChange: (store: CertificateStore) => void = () => {}

  private constructor(certificates: readonly LoadedCertificate[], log: ListenerLog) {
    this.#certificates = certificates
    this.#log = log
    const files = certificates.flatMap(({ files }) => [files.cert, files.key])
    this.#watch = new FileWatch(files, () => this.reload())
  }

  /** At least one pair; the first is the default. Throws `HG_TLS`. */
  static async open(pairs: readonly CertificateConfig[], log: ListenerLog): Promise<CertificateStore> {
    return new CertificateStore(await Promise.all(pairs.map(loadCertificate)), log)
  }

  get default(): LoadedCertificate {
    return this.#certificates[0] as LoadedCertificate
  }

  /** Never null: the default answers for names that no certificate has. */
  choose(serverName: string): LoadedCertificate {
    return chooseCertificate(this.#certificates, serverName) ?? this.default
  }

  /** Calls back after each reload that changed something. */
  onChange(listener: (store: CertificateStore) => void): void {
    this.#onChange = listener
  }

  /** Reads all files again; each pair that cannot be used keeps its old certificate. */
  async reload(): Promise<void> {
    this.#certificates = await Promise.all(this.#certificates.map(old => this.#renewed(old)))
    this.#onChange(this)
  }

  close(): void {
    this.#watch.close()
  }

  async #renewed(old: LoadedCertificate): Promise<LoadedCertificate> {
    try {
      const fresh = await loadCertificate(old.files)
      if (fresh.cert === old.cert && fresh.key === old.key) return old
      this.#log.info({ cert: old.files.cert, names: fresh.names }, 'certificate reloaded')
      return fresh
    } catch (error) {
      this.#log.warn({ cert: old.files.cert, reason: reasonOf(error) }, 'new certificate not usable, the old one stays')
      return old
    }
  }
}
