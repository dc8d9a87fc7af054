/**
 * WebSocket upgrades as raw tunnels (RFC 6455, RFC 9110 §7.8): the origin's own answer, every header, subprotocol and
 * extension pass; bytes are copied, never parsed. Works alone over `app.upstream`, or with a `resolve` of the caller.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, OptionsError, resolveOptions } from '../contract/index.ts'
import { entryOf } from './entry.ts'
import { type UpgradeFailure, upgradeFailure } from './errors.ts'
import { type LocalAnswer, renderFailureAsJson } from './local-answer.ts'
import { type WebsocketOptions, websocketOptionsSchema } from './options.ts'
import { TunnelRegistry } from './registry.ts'
import { addVia, upgradeHeaders } from './request-rules.ts'
import { Sweep } from './sweep.ts'
import type { Tunnel } from './tunnel.ts'
import { makeUpgradeHandler, type UpgradeListener, type UpgradeResolution } from './upgrade-handler.ts'
import { isWebSocketUpgrade } from './upgrade-rules.ts'

/** Options of the plugin: those of the schema, and what only a program can give. */
export interface WebsocketPluginOptions extends Partial<WebsocketOptions> {
  /** Decides about each upgrade; without it all go to the group of origins named by `upstream`. */
  resolve?(request: IncomingMessage): UpgradeResolution | Promise<UpgradeResolution>
  /** The page for a failure of ours; JSON without it. Must not name an internal address. */
  renderFailure?(failure: UpgradeFailure, request: IncomingMessage): LocalAnswer
  /** False where the caller has listeners of its own and calls `app.websocket.handleUpgrade`. Default true. */
  attach?: boolean
}

/** `app.websocket`. */
export interface WebsocketDecorator {
  /** Listener for the 'upgrade' event of any `node:http` server; never throws. */
  readonly handleUpgrade: UpgradeListener
  /** Every tunnel of the app, those in their handshake too. */
  readonly tunnels: Iterable<Tunnel>
  readonly count: number
  /**
   * Gives the tunnels that match now `graceMs` to end by themselves, then closes those that still match with 1001.
   * Resolves when all of them are gone.
   */
  closeWhere(predicate: (tunnel: Tunnel) => boolean, graceMs: number): Promise<void>
}

/** The part of `app.upstream` that this plugin needs. */
export interface UpstreamConnect {
  connect(name: string, signal?: AbortSignal): Promise<{ socket: Duplex; origin: string; release(): void }>
}

declare module 'fastify' {
  interface FastifyInstance {
    websocket: WebsocketDecorator
  }
}

async function websocketPlugin(app: FastifyInstance, input: WebsocketPluginOptions): Promise<void> {
  const { resolve, renderFailure = renderFailureAsJson, attach = true, ...rest } = input
  const options = resolveOptions('websocket', websocketOptionsSchema, rest)
  const registry = new TunnelRegistry()
  const handleUpgrade = makeUpgradeHandler({
    ...{ ...options, registry, renderFailure, sweep: new Sweep(), signals: contractOf(app).signals },
    resolve: resolve ?? resolveToUpstream(app, options.upstream),
  })
  const closeWhere: WebsocketDecorator['closeWhere'] = (predicate, graceMs) => registry.closeWhere(predicate, graceMs)
  const decorator = {
    handleUpgrade,
    closeWhere,
    get tunnels() {
      return registry.tunnels
    },
    get count() {
      return registry.count
    },
  }
  app.decorate('websocket', decorator satisfies WebsocketDecorator)
  // onClose would be too late: the server does not close while an upgraded socket is open.
  app.addHook('preClose', () => registry.closeAll(options.closeGraceMs, upgradeFailure('closing')))
  if (attach) attachTo(app.server, handleUpgrade)
}

/** Foreign upgrades stay ordinary requests where Node can do that (24.9); before, the handler refuses them with 400. */
function attachTo(server: FastifyInstance['server'], handleUpgrade: UpgradeListener): void {
  server.on('upgrade', handleUpgrade)
  const upgrading = server as Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean }
  const before = upgrading.shouldUpgradeCallback
  if (before === undefined) return
  upgrading.shouldUpgradeCallback = request => before.call(server, request) && isWebSocketUpgrade(request)
}

function resolveToUpstream(
  app: FastifyInstance,
  name: string | null,
): (request: IncomingMessage) => Promise<UpgradeResolution> {
  if (name === null) throw new OptionsError('websocket', ['/upstream or the function `resolve` must be given'])
  if (!app.hasDecorator('upstream')) throw new OptionsError('websocket', ['/upstream needs the plugin that gives it'])
  const { upstream } = app as unknown as { upstream: UpstreamConnect }
  return async request => {
    const entry = await entryOf(app, request)
    if (entry.refusal !== null) return { kind: 'refuse', ...entry.refusal }
    const address = request.socket.remoteAddress ?? 'unknown'
    const client = { address, encrypted: request.socket instanceof TLSSocket }
    return {
      kind: 'tunnel',
      routeName: name,
      upstreamName: name,
      path: request.url ?? '/',
      headers: entry.change(upgradeHeaders(request.rawHeaders, client)),
      connect: async signal => {
        const { socket, release } = await upstream.connect(name, signal)
        return socket.once('close', release)
      },
      rewriteAnswer: (_status, headers) => addVia(headers),
    }
  }
}

export { type UpgradeFailure, upgradeFailure } from './errors.ts'
export type { LocalAnswer } from './local-answer.ts'
export { websocketOptionsSchema } from './options.ts'
export type { Tunnel } from './tunnel.ts'
export type { EndReason, TunnelSummary } from './tunnel-options.ts'
export type { TunnelResolution, UpgradeListener, UpgradeResolution } from './upgrade-handler.ts'
export { decideUpgrade, isWebSocketUpgrade } from './upgrade-rules.ts'

export const websocket = fp(websocketPlugin, { name: 'hearthgate-websocket', fastify: '5.x' })
export default websocket
