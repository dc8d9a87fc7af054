/**
 * The life of a gateway in a process: open, reload, drain. One reload at a time; a bad configuration changes nothing.
 */
import type { Logger } from 'pino'
import type { AttemptCounter } from '../plugins/access/index.ts'
import { contractOf, exchangesOf } from '../plugins/contract/index.ts'
import { isWebSocketUpgrade } from '../plugins/websocket/index.ts'
import { buildAdmin } from './admin/index.ts'
import { buildGateway, type GatewayState } from './app.ts'
import { CertificateKeeper, socketsFor } from './certificates/index.ts'
import { formatProblem } from './config/problem.ts'
import type { AdminConfig, GatewayConfig, RouteConfig } from './config/types.ts'
import type { Demo } from './demo/index.ts'
import { type Listeners, openListeners } from './listeners/index.ts'
import { waitingForRestart } from './read-at-start.ts'
import { type ConfigSource, ConfigurationError, type ReadConfig, readConfig } from './read-config.ts'
import { httpsDoors } from './rules/https-redirect.ts'
import { compileServing, type Serving } from './serving.ts'
import { tellTurnedAway } from './turned-away.ts'

export { ConfigurationError } from './read-config.ts'

/** Time for running requests after a stop was asked for (contract.md). */
const DRAIN_REQUESTS_MS = 30_000
/** Time for tunnels and event streams after a stop was asked for. */
const DRAIN_STREAMS_MS = 2_000
/** Time for tunnels and event streams whose route a reload has removed. */
const REMOVED_MS = 600_000
const DEMO = 'builtin:demo'

export interface GatewayOptions extends ConfigSource {
  /** In place of `admin` of the configuration: the door of one process among several. */
  readonly admin?: AdminConfig
  /** False = another process gets the certificates that are not files of the user's. */
  readonly keepsCertificates?: boolean
  /** Place among several processes that share the state_dir, from 0. */
  readonly slot?: number
  /** Where attempts to log in are counted; in this process without it. */
  readonly attempts?: AttemptCounter
}

export interface RunningGateway {
  /** Addresses of the listeners with their real ports, then the admin's. */
  readonly listen: readonly string[]
  readonly admin: string
  readonly config: GatewayConfig
  /**
   * Reads the file again; false = refused, the old configuration stays. The file is read after this call: while a
   * reload is under way, one more follows it for all who ask meanwhile. Refused once `close` has been called. `text`
   * stands in for what the file holds.
   */
  reload(text?: string): Promise<boolean>
  /** Waits for a reload under way, stops accepting, lets requests end for at most `requestsMs` (30 s), closes. */
  close(requestsMs?: number): Promise<void>
}

/** @throws ConfigurationError, or the error of a listener that cannot be opened. */
export async function openGateway(options: GatewayOptions): Promise<RunningGateway> {
  const read = readConfig(options)
  const gateway = new Gateway(options, read)
  await gateway.open()
  return gateway
}

class Gateway implements RunningGateway {
  readonly #options: GatewayOptions
  readonly #log: Logger
  readonly #state: GatewayState
  #app!: Awaited<ReturnType<typeof buildGateway>>
  #listeners!: Listeners
  #admin!: Awaited<ReturnType<typeof buildAdmin>>
  #demo: Demo | null = null
  readonly #keeper: CertificateKeeper | null
  #generation = 1
  /** The last reload that was asked for, under way or done. */
  #lastReload: Promise<unknown> = Promise.resolve()
  /** A reload that has been asked for and has not read the file yet. */
  #nextReload: Promise<boolean> | null = null
  /** What that reload reads in place of the file. */
  #nextText: string | undefined
  #closing: Promise<void> | null = null

  constructor(options: GatewayOptions, read: ReadConfig) {
    this.#options = options
    this.#log = options.log.logger
    this.#keeper = options.keepsCertificates === false ? null : new CertificateKeeper(this.#log)
    this.#state = { serving: null as unknown as Serving }
    this.#read = read
    this.#started = read.config
  }

  #read: ReadConfig
  readonly #started: GatewayConfig

  get config(): GatewayConfig {
    return this.#read.config
  }

  get listen(): readonly string[] {
    return this.#listeners.addresses.map(({ url }) => url)
  }

  get admin(): string {
    return this.#admin.url
  }

  get generation(): number {
    return this.#generation
  }

  /** All or nothing: what has been opened before a part that cannot is closed again. */
  async open(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      const opened: readonly ({ close(): unknown } | null | undefined)[] = [
        this.#keeper,
        this.#admin,
        this.#app,
        this.#demo,
      ]
      await this.#listeners?.close(0)
      await Promise.allSettled(opened.map(part => part?.close()))
      throw error
    }
  }

  async #open(): Promise<void> {
    const { config } = this
    await this.#startDemoIfAsked(config)
    this.#state.serving = this.#compile(config)
    this.#app = await buildGateway(this.#state, {
      log: this.#options.log,
      slot: this.#options.slot ?? 0,
      ...(this.#options.attempts === undefined ? {} : { attempts: this.#options.attempts }),
      certificates: () => this.#listeners.certificates,
    })
    this.#forgetUncached([])
    await this.#keeper?.prepare(config)
    this.#listeners = await openListeners(socketsFor(config), config.limits, {
      request: this.#app.routing,
      upgrade: this.#app.websocket.handleUpgrade,
      isUpgrade: isWebSocketUpgrade,
      isTrustedProxy: address => this.#state.serving.isTrusted(address),
      log: this.#log,
      ...tellTurnedAway(contractOf(this.#app).signals, exchangesOf(this.#app)),
    })
    this.#state.serving = this.#withDoors(this.#state.serving)
    this.#admin = await buildAdmin(this.#options.admin ?? config.admin, {
      state: this.#state,
      app: this.#app,
      generation: () => this.#generation,
      warnings: () => this.#read.warnings,
      isDraining: () => this.#closing !== null,
      listeners: () => this.#listeners,
    })
    this.#keeper?.use(config)
  }

  reload(text?: string): Promise<boolean> {
    this.#nextText = text
    this.#nextReload ??= this.#reloadAfter(this.#lastReload)
    this.#lastReload = this.#nextReload
    return this.#nextReload
  }

  async #reloadAfter(before: Promise<unknown>): Promise<boolean> {
    await before
    this.#nextReload = null
    if (this.#closing === null) return this.#reload()
    this.#log.warn('reload refused: the gateway is closing')
    return false
  }

  async #reload(): Promise<boolean> {
    try {
      const { text: _text, loaded: _loaded, ...options } = this.#options
      const text = this.#nextText
      const read = readConfig(text === undefined ? options : { ...options, text })
      const { config } = read
      await this.#startDemoIfAsked(config)
      const serving = this.#compile(config)
      await this.#keeper?.prepare(config)
      await this.#listeners.update(socketsFor(config), config.limits)
      this.#swap(read, this.#withDoors(serving))
      return true
    } catch (error) {
      this.#reportRefusal(error)
      return false
    }
  }

  #swap(read: ReadConfig, serving: Serving): void {
    const before = this.config
    const { config } = read
    this.#keeper?.use(config)
    this.#app.upstream.apply(serving.upstreams)
    this.#app.admission.apply(serving.admission, config.uplink)
    this.#app.retry.apply(serving.retries)
    this.#app.tuner.apply(serving.tuner)
    this.#state.serving = serving
    this.#read = read
    this.#generation++
    this.#forgetUncached(before.routes)
    // A route that comes back within that time keeps them, so the set is asked again at the end.
    const isRemoved = (route: string) => !this.#state.serving.config.routes.some(({ name }) => name === route)
    void this.#app.websocket.closeWhere(tunnel => isRemoved(tunnel.routeName), REMOVED_MS)
    void this.#app.proxy.eventStreams.closeWhere(stream => isRemoved(stream.route), REMOVED_MS)
    const waiting = waitingForRestart(this.#started, config)
    if (waiting.length > 0) {
      this.#log.warn(`${waiting.join(', ')}: read at the start only, restart to bring the change into force`)
    }
    this.#log.info({ generation: this.#generation, routes: config.routes.length }, 'configuration reloaded')
  }

  /** What the cache cannot follow it must not remember: routes that it leaves alone, and those that are gone. */
  #forgetUncached(before: readonly RouteConfig[]): void {
    const cached = new Set(this.config.routes.filter(({ cache }) => cache !== false).map(({ name }) => name))
    const names = new Set([...before, ...this.config.routes].map(({ name }) => name))
    for (const value of names) if (!cached.has(value)) void this.#app.cache.purge({ by: 'route', value })
  }

  #reportRefusal(error: unknown): void {
    if (error instanceof ConfigurationError) {
      for (const problem of error.problems) this.#log.error(formatProblem(problem, process.cwd()))
    } else this.#log.error({ err: error }, 'the configuration could not be applied')
    this.#log.error('reload refused: the old configuration stays in force')
  }

  close(requestsMs = DRAIN_REQUESTS_MS): Promise<void> {
    this.#closing ??= this.#close(requestsMs)
    return this.#closing
  }

  async #close(requestsMs: number): Promise<void> {
    // It may be opening a listener, which nobody would close.
    await this.#lastReload
    const keeper = this.#keeper?.close()
    this.#listeners.stopAccepting()
    // Again and again, since a tunnel may still be connecting to its origin when the stop comes.
    const tunnels = setInterval(() => void this.#app.websocket.closeWhere(() => true, 0), DRAIN_STREAMS_MS)
    void this.#app.proxy.eventStreams.closeWhere(() => true, DRAIN_STREAMS_MS, true)
    // Tunnels and event streams are connections too: the listeners know when the last has ended.
    await this.#listeners.close(requestsMs)
    clearInterval(tunnels)
    await keeper
    await this.#app.close()
    await this.#admin.close()
    await this.#demo?.close()
  }

  #compile(config: GatewayConfig): Serving {
    return compileServing(config, this.#demo === null ? {} : { [DEMO]: this.#demo.url })
  }

  /** Ports are known once the listeners are open. */
  #withDoors(serving: Serving): Serving {
    const ports = this.#listeners.addresses.map(({ port }) => port)
    return { ...serving, doors: httpsDoors(serving.config.listen, ports) }
  }

  async #startDemoIfAsked(config: GatewayConfig): Promise<void> {
    const isAsked = config.routes.some(route => route.upstream.some(({ url }) => url === DEMO))
    if (isAsked && this.#demo === null) this.#demo = await (await import('./demo/index.ts')).startDemo()
  }
}
