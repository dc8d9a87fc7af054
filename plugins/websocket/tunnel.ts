/**
 * One upgrade from the request to the last byte (RFC 9110 §7.8): the handshake with the origin, then either raw bytes
 * both ways or the origin's refusal as an ordinary answer. Bytes of the client that come before the 101 stay here.
 */
import type { Duplex } from 'node:stream'
import { type BodyMeasure, decideFraming, measureBody } from './answer-body.ts'
import type { AnswerHead } from './answer-head.ts'
import { isSwitchAsked, refusalHeaders, switchingHeaders } from './answer-rules.ts'
import { type UpgradeFailure, upgradeFailure } from './errors.ts'
import { FrameBorders } from './frame-borders.ts'
import { Handshake } from './handshake.ts'
import { areValidLines, encodeHead } from './head-lines.ts'
import { ProgressLimit } from './progress-limit.ts'
import { Pump } from './pump.ts'
import { Refusal } from './refusal.ts'
import { prepareSocket } from './socket-end.ts'
import type { EndReason, TunnelOptions } from './tunnel-options.ts'

const HALF_CLOSED_MS = 30_000
const REFUSAL_IDLE_MS = 120_000
const CLOSING_MS = 1000

export class Tunnel {
  readonly routeName: string
  readonly upstreamName: string
  /** `performance.now()` at the start of the handshake. */
  readonly startedMs = performance.now()
  readonly #options: TunnelOptions
  readonly #handshake: Handshake
  #phase: 'opening' | 'open' | 'refused' | 'failed' = 'opening'
  #up: Pump | null = null
  #down: Pump | null = null
  #refusal: Refusal | null = null
  #status: number | null = null
  #reason: EndReason | null = null
  #openSockets = 2
  readonly #limit: ProgressLimit
  readonly #ended = Promise.withResolvers<void>()
  #failure: UpgradeFailure | null = null
  #limitReason: EndReason = 'failed'

  constructor(options: TunnelOptions) {
    this.#options = options
    this.routeName = options.routeName
    this.upstreamName = options.upstreamName
    this.#limit = new ProgressLimit({
      sweep: options.sweep,
      measure: () => this.#measureProgress(),
      onExpired: () => this.#expire(),
    })
    this.#handshake = new Handshake(options.upstream, options.maxHeadBytes, {
      onAnswer: (head, rest) => this.#answer(head, rest),
      onFailure: failure => this.#fail(failure),
    })
  }

  /** Bytes taken from the client so far. */
  get bytesUp(): number {
    return this.#up?.bytes ?? 0
  }

  /** Bytes given to the client so far, without the head. */
  get bytesDown(): number {
    return this.#down?.bytes ?? this.#refusal?.bytes ?? 0
  }

  /** The origin has switched and the tunnel has not ended. */
  get isOpen(): boolean {
    return this.#phase === 'open' && this.#openSockets > 0
  }

  /** Resolves when both connections are gone. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Begins the handshake. */
  start(): void {
    const { client, upstream, keepAliveMs, headTimeoutMs, request } = this.#options
    prepareSocket(client, keepAliveMs)
    prepareSocket(upstream, keepAliveMs)
    client.pause()
    client.on('error', this.#onClientError).on('end', this.#onClientEnd).on('close', this.#onClientClose)
    upstream.on('error', () => this.#note('origin_reset')).on('close', () => this.#upstreamClosed())
    if (upstream.closed) this.#openSockets--
    if (upstream.destroyed) {
      this.#fail(upgradeFailure('reset'))
      return
    }
    this.#limit.deadline(headTimeoutMs)
    this.#handshake.send(request)
  }

  /**
   * Ends the tunnel with a Close frame at a frame border of each direction where one is known, else plainly; where the
   * peers have not ended after `limitMs` it is destroyed. Before the 101 the upgrade fails with 503.
   */
  closeGracefully(code = 1001, limitMs = CLOSING_MS): void {
    if (this.#phase === 'opening') this.#fail(upgradeFailure('closing'))
    if (this.#phase === 'failed') return
    this.#note('closed_by_gateway')
    this.#down?.finish(code)
    this.#up?.finish(code)
    const timer = setTimeout(() => this.destroy(), limitMs).unref()
    this.#options.client.once('close', () => clearTimeout(timer))
  }

  /** Ends both connections at once. */
  destroy(): void {
    this.#note('closed_by_gateway')
    if (this.#phase !== 'failed') this.#options.client.destroy()
    this.#options.upstream.destroy()
  }

  #answer(head: AnswerHead, rest: Buffer): void {
    this.#status = head.status
    const isSwitch = head.status === 101
    const kept = isSwitch ? switchingHeaders(head.headers) : refusalHeaders(head.status, head.headers)
    const headers = this.#options.rewriteAnswer?.(head.status, kept) ?? kept
    const framing = decideFraming(head)
    const bytes = encodeHead(`HTTP/1.1 ${head.status} ${head.reason}`, headers)
    if (!areValidLines(headers)) this.#fail(upgradeFailure('invalid', 'rewritten header'))
    else if (isSwitch && !isSwitchAsked(head)) this.#fail(upgradeFailure('invalid', 'a switch that nobody asked for'))
    else if (isSwitch) this.#open(bytes, rest)
    else if (framing.kind === 'invalid') this.#fail(upgradeFailure('invalid', framing.reason))
    else this.#refuse(bytes, rest, measureBody(framing))
  }

  #refuse(head: Buffer, rest: Buffer, body: BodyMeasure): void {
    const { client, upstream } = this.#options
    this.#phase = 'refused'
    this.#note('refused')
    this.#limitReason = 'refused'
    this.#limit.idle(REFUSAL_IDLE_MS)
    this.#refusal = new Refusal({ client, upstream, head, body })
    this.#refusal.start(rest)
  }

  #open(head: Buffer, rest: Buffer): void {
    const { client, upstream, meters, idleMs } = this.#options
    const up = { source: client, sink: upstream, borders: new FrameBorders(true), masked: true }
    const down = { source: upstream, sink: client, borders: new FrameBorders(false), masked: false }
    this.#phase = 'open'
    this.#up = new Pump({ ...up, meter: meters?.up ?? null, onSourceEnd: () => this.#halfClosed(upstream) })
    this.#down = new Pump({ ...down, meter: meters?.down ?? null, onSourceEnd: () => this.#halfClosed(client) })
    this.#limitReason = 'idle'
    this.#limit.idle(idleMs)
    client.cork()
    client.write(head)
    this.#down.start(rest)
    client.uncork()
    this.#up.start(this.#options.head)
    this.#options.onOpen()
  }

  /** From here on the rest must flow; the clock of the half-closed tunnel starts when the end has left us. */
  #halfClosed(sink: Duplex): void {
    this.#limitReason = 'half_closed'
    this.#limit.idle(HALF_CLOSED_MS)
    sink.once('finish', () => {
      if (this.#openSockets > 0) this.#limit.deadline(HALF_CLOSED_MS)
    })
  }

  #fail(failure: UpgradeFailure): void {
    if (this.#phase !== 'opening') return
    this.#phase = 'failed'
    this.#reason = 'failed'
    this.#failure = failure
    this.#status = failure.statusCode
    this.#handshake.cancel()
    const { client, upstream } = this.#options
    client.off('error', this.#onClientError).off('end', this.#onClientEnd).off('close', this.#onClientClose)
    upstream.destroy()
    this.#options.onFailure(failure)
    this.#socketClosed()
  }

  readonly #onClientError = (): void => this.#note('client_reset')

  /** No client of a WebSocket ends its side before the answer: it has left. */
  readonly #onClientEnd = (): void => {
    if (this.#phase === 'opening') this.#options.client.destroy()
  }

  readonly #onClientClose = (): void => {
    const { client, upstream } = this.#options
    if (this.#phase === 'opening') {
      this.#handshake.cancel()
      this.#note('client_gone')
      upstream.destroy()
    } else endOrigin(client, upstream)
    this.#socketClosed()
  }

  #upstreamClosed(): void {
    const { client, upstream } = this.#options
    if (this.#refusal !== null) this.#refusal.cut()
    else if (this.#phase === 'open') endClient(upstream, client)
    this.#socketClosed()
  }

  #socketClosed(): void {
    if (--this.#openSockets > 0) return
    this.#limit.clear()
    this.#options.onEnd({
      reason: this.#reason ?? 'ended',
      status: this.#status,
      failure: this.#failure,
      bytesUp: this.bytesUp,
      bytesDown: this.bytesDown,
      durationMs: performance.now() - this.startedMs,
    })
    this.#ended.resolve()
  }

  /** The first reason is the cause of those that follow. */
  #note(reason: EndReason): void {
    this.#reason ??= reason
  }

  /** Bytes that have gone through and out: it moves also when a slow reader only empties what is queued. */
  #measureProgress(): number {
    const queued = this.#options.client.writableLength + this.#options.upstream.writableLength
    return this.bytesUp + this.bytesDown - queued
  }

  #expire(): void {
    if (this.#phase === 'opening') {
      this.#fail(upgradeFailure('headTimeout'))
      return
    }
    this.#note(this.#limitReason)
    if (this.#limitReason === 'idle') this.closeGracefully()
    else this.destroy()
  }
}

/** The client is gone: what it had sent in full still reaches the origin, anything else is a cut at once. */
function endOrigin(client: Duplex, upstream: Duplex): void {
  if (!client.readableEnded || upstream.writableFinished) upstream.destroy()
  else upstream.once('finish', () => upstream.destroy())
}

/** The origin is gone: after its end the client may still be reading (the time limit watches), else it is cut at once. */
function endClient(upstream: Duplex, client: Duplex): void {
  if (upstream.readableEnded) client.resume()
  else client.destroy()
}
