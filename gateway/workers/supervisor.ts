/**
 * A gateway of several processes, with the face of one: it reads the configuration for all of them, keeps them running,
 * and answers for them on the admin listener. It serves no request itself.
 */
import { randomBytes } from 'node:crypto'
import type { Admin } from '../admin/index.ts'
import { CertificateKeeper } from '../certificates/index.ts'
import { loadConfig, readConfigText } from '../config/load.ts'
import type { GatewayConfig } from '../config/types.ts'
import { ConfigurationError, type GatewayOptions, type RunningGateway } from '../lifecycle.ts'
import { Crew, CrewError } from './crew.ts'
import { openFront } from './front.ts'

/** @throws ConfigurationError, or the error of a listener that cannot be opened. */
export async function openSupervisor(options: GatewayOptions, size: number): Promise<RunningGateway> {
  const { text, config } = readOnce(options)
  const adminToken = randomBytes(32).toString('hex')
  const args = ['start', '--config', options.file, ...(options.partial ? ['--partial'] : [])]
  const crew = new Crew(text, { size, args, adminToken, log: options.log.logger })
  const supervisor = new Supervisor(options, config, crew)
  try {
    await supervisor.keeper.prepare(config)
    await crew.open()
    await supervisor.openAdmin(adminToken)
    supervisor.keeper.use(config)
  } catch (error) {
    crew.kill()
    throw asStartFailure(error)
  }
  return supervisor
}

function readOnce({ file, partial, log }: GatewayOptions): { readonly text: string; readonly config: GatewayConfig } {
  const read = readConfigText(file)
  const loaded = loadConfig(file, read.ok ? { partial, text: read.text } : { partial })
  if (!loaded.ok || !read.ok) throw new ConfigurationError(loaded.ok ? [] : loaded.problems)
  log.logger.level = loaded.config.log.level
  return { text: read.text, config: loaded.config }
}

/** What a worker ran into, as if it had happened here. */
function asStartFailure(error: unknown): unknown {
  if (!(error instanceof CrewError)) return error
  const { problems, message, code } = error.refusal
  return problems.length > 0 ? new ConfigurationError(problems) : Object.assign(new Error(message), { code })
}

class Supervisor implements RunningGateway {
  readonly #options: GatewayOptions
  readonly #crew: Crew
  #config: GatewayConfig
  /** Certificates are got by one process; the workers see the files change. */
  readonly keeper: CertificateKeeper
  #admin!: Admin
  #lastReload: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(options: GatewayOptions, config: GatewayConfig, crew: Crew) {
    this.#options = options
    this.#config = config
    this.#crew = crew
    this.keeper = new CertificateKeeper(options.log.logger)
  }

  get listen(): readonly string[] {
    return this.#crew.members[0]?.listen ?? []
  }

  get admin(): string {
    return this.#admin.url
  }

  get config(): GatewayConfig {
    return this.#config
  }

  async openAdmin(token: string): Promise<void> {
    const isDraining = () => this.#closing !== null
    this.#admin = await openFront(this.#config.admin, { crew: this.#crew, token, isDraining })
  }

  reload(): Promise<boolean> {
    const reloading = this.#lastReload.then(() => this.#reload())
    this.#lastReload = reloading
    return reloading
  }

  /** What is wrong with it the first worker says, in its log. */
  async #reload(): Promise<boolean> {
    const { file, log } = this.#options
    if (this.#closing !== null) return false
    const read = readConfigText(file)
    if (!read.ok) {
      log.logger.error(`reload refused: ${file}: ${read.problem}`)
      return false
    }
    const loaded = loadConfig(file, { partial: this.#options.partial, text: read.text })
    if (loaded.ok && !(await this.#prepared(loaded.config))) return false
    const ok = await this.#crew.reload(read.text)
    if (ok && loaded.ok) this.keeper.use(loaded.config)
    return ok
  }

  async #prepared(config: GatewayConfig): Promise<boolean> {
    try {
      await this.keeper.prepare(config)
      return true
    } catch (err) {
      this.#options.log.logger.error({ err }, 'reload refused: certificates cannot be prepared')
      return false
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#lastReload
    await this.keeper.close()
    await this.#crew.close()
    await this.#admin.close()
  }
}
