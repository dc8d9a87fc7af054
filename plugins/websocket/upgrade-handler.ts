/**
 * Takes an upgrade from Node's 'upgrade' event to a tunnel or to an answer of our own: check, resolve the route,
 * connect, hand over. The client's socket always has somebody who ends it.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Signals, SignalValue } from '../contract/index.ts'
import { connectUnlessAborted } from './connecting.ts'
import { asUpgradeFailure, type UpgradeFailure, upgradeFailure } from './errors.ts'
import { type LocalAnswer, sendAnswer } from './local-answer.ts'
import type { TunnelRegistry } from './registry.ts'
import { ignoreError } from './socket-end.ts'
import type { Sweep } from './sweep.ts'
import { Tunnel } from './tunnel.ts'
import type { TunnelSummary } from './tunnel-options.ts'
import { decideUpgrade } from './upgrade-rules.ts'

/** What to do with an upgrade. */
export type UpgradeResolution = TunnelResolution | ({ readonly kind: 'refuse' } & LocalAnswer)

/** A plain object: its functions are called without `this`. */
export interface TunnelResolution {
  readonly kind: 'tunnel'
  readonly routeName: string
  readonly upstreamName: string
  /** Request target for the origin, byte for byte. */
  readonly path: string
  /** Flat, complete and in the order to send: with Host, `Connection: Upgrade` and Upgrade. */
  readonly headers: readonly string[]
  /** A fresh HTTP/1.1 connection (TLS done). Rejects when the signal aborts; a late connection is destroyed. */
  connect(signal: AbortSignal): Promise<Duplex>
  /** Overrides the plugin's own limits. */
  readonly idleMs?: number | null
  readonly headTimeoutMs?: number
  /** Last change to the answer's flat lines, after the hop-by-hop rules. */
  rewriteAnswer?(status: number, headers: string[]): string[]
  /** Called once, however it ends: for the access log. */
  onEnd?(summary: TunnelSummary): void
}

export interface HandlerOptions {
  readonly idleMs: number | null
  readonly headTimeoutMs: number
  readonly keepAliveMs: number
  readonly maxHeadBytes: number
  readonly registry: TunnelRegistry
  readonly sweep: Sweep
  readonly signals: Signals
  resolve(request: IncomingMessage): UpgradeResolution | Promise<UpgradeResolution>
  renderFailure(failure: UpgradeFailure, request: IncomingMessage): LocalAnswer
}

interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** The listener for 'upgrade' events; it never throws. */
export function makeUpgradeHandler(options: HandlerOptions): UpgradeListener {
  const handler = new UpgradeHandler(options)
  return (request, socket, head) => handler.handle({ request, socket, head })
}

class UpgradeHandler {
  readonly #options: HandlerOptions

  constructor(options: HandlerOptions) {
    this.#options = options
  }

  handle(upgrade: Upgrade): void {
    upgrade.socket.on('error', ignoreError)
    const decision = decideUpgrade(upgrade.request)
    if (hasPendingAnswer(upgrade.socket)) upgrade.socket.destroy()
    else if (!decision.upgrade) this.#answer(upgrade, upgradeFailure('request', decision.reason))
    else if (this.#options.registry.closing) this.#answer(upgrade, upgradeFailure('closing'))
    else this.#resolve(upgrade).catch(error => this.#answer(upgrade, asUpgradeFailure(error)))
  }

  async #resolve(upgrade: Upgrade): Promise<void> {
    const resolution = await this.#options.resolve(upgrade.request)
    if (resolution.kind === 'refuse') sendAnswer(upgrade.socket, resolution)
    else await this.#connect(upgrade, resolution)
  }

  async #connect(upgrade: Upgrade, resolution: TunnelResolution): Promise<void> {
    const { registry } = this.#options
    const { socket } = upgrade
    const startedMs = performance.now()
    const attempt = new AbortController()
    // An end before the answer is a leaving: no WebSocket client closes half of its connection first.
    const leave = () => void socket.destroy()
    const abort = () => attempt.abort(clientGone)
    socket.once('end', leave).once('close', abort)
    if (registry.closing) attempt.abort(upgradeFailure('closing'))
    if (socket.destroyed) abort()
    registry.addConnecting(attempt)
    try {
      const upstream = await connectUnlessAborted(signal => resolution.connect(signal), attempt.signal)
      this.#open(upgrade, resolution, upstream)
    } catch (error) {
      const failure = error === clientGone ? null : asUpgradeFailure(error)
      if (failure !== null) this.#answer(upgrade, failure)
      resolution.onEnd?.(unopened(failure, performance.now() - startedMs))
    } finally {
      registry.deleteConnecting(attempt)
      socket.off('end', leave).off('close', abort)
    }
  }

  #open(upgrade: Upgrade, resolution: TunnelResolution, upstream: Duplex): void {
    const { registry, signals, sweep, idleMs, headTimeoutMs, keepAliveMs, maxHeadBytes } = this.#options
    const meters = metersOf(signals, resolution)
    let wasOpen = false
    const tunnel: Tunnel = new Tunnel({
      ...{ sweep, keepAliveMs, maxHeadBytes, idleMs, headTimeoutMs, ...resolution, meters, upstream },
      ...{ client: upgrade.socket, head: upgrade.head, request: resolution },
      onOpen: () => {
        wasOpen = true
        meters.open.add(1)
        meters.opened.add(1)
      },
      onFailure: failure => this.#answer(upgrade, failure),
      onEnd: summary => {
        registry.delete(tunnel)
        if (wasOpen) meters.open.add(-1)
        resolution.onEnd?.(summary)
      },
    })
    registry.add(tunnel)
    tunnel.start()
  }

  #answer(upgrade: Upgrade, failure: UpgradeFailure): void {
    sendAnswer(upgrade.socket, this.#options.renderFailure(failure, upgrade.request))
  }
}

const clientGone = new Error('the client has left')

function unopened(failure: UpgradeFailure | null, durationMs: number): TunnelSummary {
  const reason = failure === null ? 'client_gone' : 'failed'
  return { reason, failure, status: failure?.statusCode ?? null, bytesUp: 0, bytesDown: 0, durationMs }
}

/**
 * An answer to a request before this one is still to be written: it would end up in the middle of the tunnel. Node has
 * no public way to tell; no browser pipelines an upgrade.
 */
function hasPendingAnswer(socket: Duplex): boolean {
  return '_httpMessage' in socket && socket._httpMessage !== null && socket._httpMessage !== undefined
}

interface Meters {
  readonly open: SignalValue
  readonly opened: SignalValue
  readonly up: SignalValue
  readonly down: SignalValue
}

function metersOf(signals: Signals, { routeName, upstreamName }: TunnelResolution): Meters {
  const labels = ['route', 'upstream']
  const bytes = signals.counter('websocket_bytes_total', 'Bytes through tunnels.', ...labels, 'direction')
  const opened = signals.counter('websocket_opened_total', 'Tunnels that the origin has accepted.', ...labels)
  const open = signals.gauge('websocket_open', 'Tunnels open now.', ...labels)
  return {
    open: open.with(routeName, upstreamName),
    opened: opened.with(routeName, upstreamName),
    up: bytes.with(routeName, upstreamName, 'up'),
    down: bytes.with(routeName, upstreamName, 'down'),
  }
}
