/**
 * The certificates of one TLS listener: read from their files, checked against their keys, chosen by server name, and
 * read again when a file changes. A new file that cannot be used leaves the old certificate in place.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { chooseCertificate, namesOf } from './certificate-names.ts'
import { reasonOf, TlsError } from './errors.ts'
import type { CertificateFiles, CertificateValidity, ListenerLog } from './types.ts'
import { FileWatch } from './watch-files.ts'

export interface LoadedCertificate {
  readonly files: CertificateFiles
  readonly names: readonly string[]
  readonly context: SecureContext
  /** End of its validity, in ms since 1970. */
  readonly notAfterMs: number
  /** PEM texts. */
  readonly cert: string
  readonly key: string
}

/** Throws `HG_TLS` with the file and the reason: unreadable, not PEM, or a key of another certificate. */
export async function loadCertificate(files: CertificateFiles): Promise<LoadedCertificate> {
  const [cert, key] = await Promise.all([readPem(files.cert), readPem(files.key)])
  const certificate = attempt(files.cert, () => new X509Certificate(cert))
  const privateKey = attempt(files.key, () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsError(files.key, `is not the private key of ${files.cert}`)
  }
  const context = attempt(files.cert, () => createSecureContext({ cert, key, minVersion: 'TLSv1.2' }))
  return { files, names: namesOf(certificate), context, notAfterMs: Date.parse(certificate.validTo), cert, key }
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

/** A pair of files and what was last loaded from them; null while an optional one has not come yet. */
interface Slot {
  readonly files: CertificateFiles
  readonly loaded: LoadedCertificate | null
}

export class CertificateStore {
  #slots: readonly Slot[]
  /** What the slots hold, in their order. */
  #certificates: readonly LoadedCertificate[]
  readonly #log: ListenerLog
  readonly #watch: FileWatch
  #onChange: (store: CertificateStore) => void = () => {}

  private constructor(slots: readonly Slot[], log: ListenerLog) {
    this.#slots = slots
    this.#certificates = loadedOf(slots)
    this.#log = log
    const files = slots.flatMap(({ files }) => [files.cert, files.key])
    this.#watch = new FileWatch([...new Set(files)], () => this.reload())
    // What came between the reading and the first look would be taken for known.
    void this.#watch.ready.then(() => this.reload())
  }

  /** One certificate has to be there at least; the first that is there is the default. Throws `HG_TLS`. */
  static async open(pairs: readonly CertificateFiles[], log: ListenerLog): Promise<CertificateStore> {
    const slots = await Promise.all(pairs.map(files => openSlot(files, log)))
    if (loadedOf(slots).length === 0) throw new TlsError(pairs[0]?.cert ?? 'tls', 'there is no certificate yet')
    return new CertificateStore(slots, log)
  }

  get default(): LoadedCertificate {
    return this.#certificates[0] as LoadedCertificate
  }

  /** What is in use, each by its first name; a certificate without one by its file. */
  get validities(): readonly CertificateValidity[] {
    return this.#certificates.map(({ names, files, notAfterMs }) => ({
      name: names[0] ?? basename(files.cert),
      notAfterMs,
    }))
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
    const before = this.#slots
    this.#slots = await Promise.all(before.map(slot => this.#renewed(slot)))
    if (this.#slots.every((slot, i) => slot === before[i])) return
    this.#certificates = loadedOf(this.#slots)
    this.#onChange(this)
  }

  close(): void {
    this.#watch.close()
  }

  async #renewed(slot: Slot): Promise<Slot> {
    const { files, loaded: old } = slot
    try {
      const fresh = await loadCertificate(files)
      if (old !== null && fresh.cert === old.cert && fresh.key === old.key) return slot
      this.#log.info({ cert: files.cert, names: fresh.names }, 'certificate reloaded')
      return { files, loaded: fresh }
    } catch (error) {
      if (old !== null || !isMissing(error)) {
        const stays = old === null ? '' : ', the old one stays'
        this.#log.warn({ cert: files.cert, reason: reasonOf(error) }, `new certificate not usable${stays}`)
      }
      return slot
    }
  }
}

function loadedOf(slots: readonly Slot[]): LoadedCertificate[] {
  return slots.flatMap(({ loaded }) => (loaded === null ? [] : [loaded]))
}

async function openSlot(files: CertificateFiles, log: ListenerLog): Promise<Slot> {
  try {
    return { files, loaded: await loadCertificate(files) }
  } catch (error) {
    if (files.optional !== true) throw error
    if (!isMissing(error)) log.warn({ cert: files.cert, reason: reasonOf(error) }, 'certificate not usable')
    return { files, loaded: null }
  }
}

function isMissing(error: unknown): boolean {
  const { cause } = error as Error
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
