/** All listeners of one gateway with what they share: the book of connections, the two protocol servers, the sweep. */
import type { Server as Http1Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import type { GlobalLimits } from '../config/types.ts'
import { Acceptor, openCertificates, type Reception } from './acceptor.ts'
import type { CertificateStore } from './certificates.ts'
import type { Connection } from './connection.ts'
import { ConnectionBook } from './connection-book.ts'
import { DescriptorWatch } from './descriptor-watch.ts'
import { applyLimits1, createHttp1 } from './http1.ts'
import { createHttp2 } from './http2.ts'
import { Intake } from './intake.ts'
import { sweep, sweepIntervalMs } from './sweep.ts'
import type { CertificateValidity, ListenerAddress, ListenerHandlers, Listeners, SocketConfig } from './types.ts'

/** What a configuration asks for, opened but not in use yet. */
interface Prepared {
  readonly acceptor: Acceptor
  readonly isNew: boolean
  readonly certificates: CertificateStore | null
  readonly checks: string | null
}

export class ListenerSet implements Listeners {
  readonly #book: ConnectionBook
  readonly #handlers: ListenerHandlers
  readonly #intake: Intake
  readonly #http1: Http1Server
  readonly #reception: Reception
  #http2: Http2Server
  #acceptors: readonly Acceptor[] = []
  readonly #descriptors: DescriptorWatch
  #timer: NodeJS.Timeout | undefined
  #onEmpty: () => void = () => {}

  constructor(limits: GlobalLimits, handlers: ListenerHandlers) {
    const { isTrustedProxy } = handlers
    const book = new ConnectionBook({ limits, isTrustedProxy, now: () => performance.now() })
    this.#book = book
    this.#handlers = handlers
    this.#descriptors = new DescriptorWatch(handlers.log)
    this.#intake = new Intake(book, handlers)
    this.#http1 = createHttp1(limits, handlers, this.#intake)
    this.#http2 = createHttp2(book, handlers, this.#intake)
    this.#reception = {
      book,
      handlers,
      speak1: socket => this.#http1.emit('connection', socket),
      speak2: socket => this.#http2.emit('connection', socket),
      onClosed: () => this.#closed(),
    }
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#acceptors.map(acceptor => acceptor.address)
  }

  get certificates(): readonly CertificateValidity[] {
    return this.#acceptors.flatMap(({ certificates }) => certificates)
  }

  get connections(): number {
    return this.#book.size
  }

  async update(listeners: readonly SocketConfig[], limits: GlobalLimits): Promise<void> {
    const prepared = await this.#prepare(listeners)
    for (const { acceptor, isNew, certificates, checks } of prepared)
      if (!isNew) acceptor.useCertificates(certificates, checks)
    const kept = new Set(prepared.map(({ acceptor }) => acceptor))
    const removed = this.#acceptors.filter(acceptor => !kept.has(acceptor))
    this.#acceptors = [...kept]
    this.#applyLimits(limits)
    this.#drain(removed)
  }

  stopAccepting(): void {
    this.#drain(this.#acceptors)
  }

  closeIdle(): void {
    this.#book.forEach(closeIfIdle)
  }

  async close(graceMs: number): Promise<void> {
    this.stopAccepting()
    this.closeIdle()
    if (this.#book.size > 0) await this.#emptied(graceMs)
    this.#book.forEach(({ raw }) => {
      raw.destroy()
    })
    clearInterval(this.#timer)
    this.#http1.close()
  }

  /** Certificates are read and new addresses opened before anything changes; on a failure all of it is undone. */
  async #prepare(listeners: readonly SocketConfig[]): Promise<Prepared[]> {
    const free = [...this.#acceptors]
    const prepared: Prepared[] = []
    try {
      for (const config of listeners) prepared.push(await this.#prepareOne(config, free))
    } catch (error) {
      for (const { acceptor, isNew, certificates } of prepared) {
        if (isNew) acceptor.stop()
        else certificates?.close()
      }
      throw error
    }
    return prepared
  }

  async #prepareOne(config: SocketConfig, free: Acceptor[]): Promise<Prepared> {
    const certificates = await openCertificates(config, this.#reception)
    const at = free.findIndex(({ host, configuredPort }) => host === config.host && configuredPort === config.port)
    const { checks = null } = config
    if (at !== -1) return { acceptor: free.splice(at, 1)[0] as Acceptor, isNew: false, certificates, checks }
    const acceptor = new Acceptor(config, this.#reception)
    acceptor.useCertificates(certificates, checks)
    try {
      await acceptor.listen()
    } catch (error) {
      certificates?.close()
      throw error
    }
    return { acceptor, isNew: true, certificates, checks }
  }

  #applyLimits(limits: GlobalLimits): void {
    this.#book.limits = limits
    applyLimits1(this.#http1, limits)
    // Settings are told when a session begins; sessions of the old server live on with theirs.
    this.#http2 = createHttp2(this.#book, this.#handlers, this.#intake)
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#sweep(), sweepIntervalMs(limits))
    this.#timer.unref()
  }

  #sweep(): void {
    sweep(this.#book, this.#handlers, performance.now())
    this.#descriptors.look(this.#book.size)
  }

  #drain(acceptors: readonly Acceptor[]): void {
    const leaving = new Set<unknown>(acceptors)
    for (const acceptor of acceptors) acceptor.stop()
    this.#book.forEach(connection => {
      if (leaving.has(connection.via)) announceEnd(connection)
    })
  }

  #closed(): void {
    if (this.#book.size === 0) this.#onEmpty()
  }

  #emptied(graceMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, graceMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** The requests under way end as usual; a connection that is between two of them closes. */
function announceEnd(connection: Connection): void {
  const { session, response } = connection
  if (session !== null) session.close()
  else if (response !== null && !response.headersSent) response.shouldKeepAlive = false
  else if (connection.active === 0) closeIfIdle(connection)
}

/** A head that is on its way is still waited for, within the head timeout, and answered. */
function closeIfIdle(connection: Connection): void {
  const { session, socket, raw, active, receivedThen } = connection
  if (active > 0) return
  if (session !== null) session.close()
  else if (raw.bytesRead <= receivedThen) socket.destroySoon()
}
