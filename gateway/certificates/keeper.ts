/**
 * Keeps the certificates of the gateway: makes those of its own authority before they are needed, gets the others in the
 * background, and looks each minute what has become due (a timer of weeks would sleep through a suspended machine).
 */
import type { GatewayConfig } from '../config/types.ts'
import type { ListenerLog } from '../listeners/index.ts'
import { AcmeRenewer } from './acme-renewer.ts'
import type { LocalCa } from './local-ca.ts'
import { isPermitted } from './name-constraints.ts'
import { foldersOf, type Wanted, wantedCertificates } from './names.ts'
import { decideRenewal } from './renewal.ts'
import { fixedChance, makePrivateFolder, readStored, writePrivateFile } from './state-files.ts'

const LOOK_MS = 60_000
/** How long before its end a CA that people have to install anew is spoken of, at each start and reload. */
const OLD_CA_MS = 180 * 86_400_000

export interface KeeperOptions {
  /** Between two looks, ms. */
  readonly lookMs?: number
  /** Ms since 1970. */
  readonly now?: () => number
  /** 0 to 1. */
  readonly random?: () => number
}

export class CertificateKeeper {
  readonly #log: ListenerLog
  readonly #options: Required<Omit<KeeperOptions, 'random'>>
  #config: GatewayConfig | null = null
  readonly #renewer: AcmeRenewer
  readonly #closing = new AbortController()
  #ca: LocalCa | null = null
  #isLooking = false
  /** The last renewal by the own authority; never rejects. */
  #turn: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  /** Names that the authority may not vouch for, once told. */
  readonly #told = new Set<string>()

  constructor(log: ListenerLog, { lookMs = LOOK_MS, now = Date.now, random = Math.random }: KeeperOptions = {}) {
    this.#log = log
    this.#options = { lookMs, now }
    this.#renewer = new AcmeRenewer({ log, now, random })
  }

  /**
   * Makes what listeners need to open: folders, certificates of the own authority, a placeholder.
   * @throws LocalCaError, or the error of the file system
   */
  async prepare(config: GatewayConfig): Promise<void> {
    const { local, acme } = wantedCertificates(config)
    if (local.length === 0 && acme.length === 0) return
    const folders = foldersOf(config)
    // Watching a file needs its folder.
    for (const folder of [folders.root, folders.local, folders.acme]) await makePrivateFolder(folder)
    await makeIfMissing(folders.placeholder, this.#options.now())
    if (local.length === 0) return
    const hosts = local.flatMap(({ names }) => names)
    const { openLocalCa } = await import('./local-ca.ts')
    this.#ca = await openLocalCa(folders.ca, hosts, this.#options.now())
    this.#tellOld(this.#ca)
    await this.#renewLocal(config, this.#ca)
  }

  /** From now on this configuration counts. */
  use(config: GatewayConfig): void {
    this.#config = config
    clearInterval(this.#timer)
    const { local, acme } = wantedCertificates(config)
    if (local.length === 0 && acme.length === 0) return
    this.#timer = setInterval(() => void this.#look(), this.#options.lookMs).unref()
    void this.#renewer.look(config, this.#closing.signal)
  }

  /** An order under way is given up. Resolves when nothing is written any more by the own authority. */
  close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#timer)
    this.#config = null
    return this.#turn
  }

  async #look(): Promise<void> {
    const config = this.#config
    if (config === null) return
    void this.#renewer.look(config, this.#closing.signal)
    if (this.#ca === null || this.#isLooking) return
    this.#isLooking = true
    try {
      await this.#renewLocal(config, this.#ca)
    } catch (error) {
      this.#log.error({ err: error }, 'certificates of the local CA could not be renewed, the old ones stay')
    } finally {
      this.#isLooking = false
    }
  }

  /** One at a time: a look and a reload would both make what is due. */
  #renewLocal(config: GatewayConfig, ca: LocalCa): Promise<void> {
    const turn = this.#turn.then(() => this.#renewDue(config, ca))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #renewDue(config: GatewayConfig, ca: LocalCa): Promise<void> {
    const { issueLeaf } = await import('./local-ca.ts')
    for (const { names, file } of wantedCertificates(config).local) {
      if (this.#closing.signal.aborted) return
      const allowed = names.filter(name => this.#mayVouch(ca, name))
      if (allowed.length > 0 && (await this.#isDue(ca, { names: allowed, file }))) {
        await writePrivateFile(file, await issueLeaf(ca, allowed, this.#options.now()))
        this.#log.info({ names: allowed, file }, 'certificate of the local CA made')
      }
    }
  }

  async #isDue(ca: LocalCa, { file, names }: Wanted): Promise<boolean> {
    const stored = await readStored(file)
    // One of a CA that was moved away is none.
    const current = stored?.certificate.verify(ca.certificate.publicKey) === true ? stored : null
    const nowMs = this.#options.now()
    return decideRenewal({ current, wanted: names, nowMs, jitter: fixedChance(file), notBeforeMs: 0 }).renew
  }

  /** Devices would refuse a certificate beyond the limits of the CA, so it is not made. */
  #mayVouch(ca: LocalCa, name: string): boolean {
    if (ca.permitted === null || isPermitted(name, ca.permitted)) return true
    this.#tellForeign(ca, name)
    return false
  }

  #tellOld({ certificate, file }: LocalCa): void {
    if (Date.parse(certificate.validTo) - this.#options.now() > OLD_CA_MS) return
    const fields = { ca: file, validTo: certificate.validTo }
    this.#log.warn(
      fields,
      'the local CA runs out: move its folder away for a new one, and install that on every device',
    )
  }

  #tellForeign({ file }: LocalCa, name: string): void {
    if (this.#told.has(name)) return
    this.#told.add(name)
    const remedy = 'move its folder away for a new CA, and install that on every device'
    this.#log.warn({ name, ca: file }, `the local CA was made for other names and cannot vouch for this one: ${remedy}`)
  }
}

/** Loaded when it is needed: the library behind it costs 20 MiB. */
async function makeIfMissing(file: string, nowMs: number): Promise<void> {
  if ((await readStored(file)) !== null) return
  const { makePlaceholder } = await import('./local-ca.ts')
  await writePrivateFile(file, await makePlaceholder(nowMs))
}
