/** A bare app with the websocket plugin over a scripted origin on loopback. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import websocket, {
  type TunnelSummary,
  type UpstreamConnect,
  type WebsocketPluginOptions,
} from '../../../plugins/websocket/index.ts'

type Context = Pick<Test, 'teardown'>

/** A TCP server that runs `script` for every connection; destroyed with all its sockets at the end of the test. */
export async function listenRaw(t: Context, script: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    script(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** An origin of npm `ws`. */
export async function listenWs(
  t: Context,
  onConnection: (ws: WebSocket, request: IncomingMessage) => void,
  options: ConstructorParameters<typeof WebSocketServer>[0] = {},
): Promise<number> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, ...options })
  sockets.on('connection', onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const ws of sockets.clients) ws.terminate()
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export interface Gateway {
  readonly app: FastifyInstance
  readonly port: number
  /** Sockets that `app.upstream` has given out and not got back. */
  readonly borrowed: () => number
  /** What each upgrade came to, in order. */
  readonly summaries: TunnelSummary[]
}

/** A bare app whose `app.upstream` connects to `originPort`. */
export async function startGateway(
  t: Context,
  originPort: number,
  options: WebsocketPluginOptions = {},
): Promise<Gateway> {
  const app = Fastify()
  let borrowed = 0
  const upstream: UpstreamConnect = {
    connect: async (_name: string, signal?: AbortSignal) => {
      const socket = net.connect({ port: originPort, host: '127.0.0.1', ...(signal && { signal }) })
      await once(socket, 'connect')
      borrowed++
      return { socket, origin: `http://127.0.0.1:${originPort}`, release: () => void borrowed-- }
    },
  }
  app.decorate('upstream', upstream as never)
  app.get('/never', () => new Promise(() => {}))
  app.get('/plain', async request => ({ upgrade: request.headers.upgrade ?? null }))
  await app.register(websocket, { upstream: 'app', closeGraceMs: 50, ...options })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return { app, port: (app.server.address() as AddressInfo).port, borrowed: () => borrowed, summaries: [] }
}

/** As `startGateway`, with a `resolve` that records the summaries. */
export async function startRecordingGateway(
  t: Context,
  originPort: number,
  limits: { idleMs?: number | null; headTimeoutMs?: number } = {},
): Promise<Gateway> {
  const summaries: TunnelSummary[] = []
  const gateway = await startGateway(t, originPort, {
    resolve: request => ({
      kind: 'tunnel',
      routeName: 'wiki',
      upstreamName: 'app',
      path: request.url!,
      headers: [...request.rawHeaders],
      connect: async signal => {
        const socket = net.connect({ port: originPort, host: '127.0.0.1', signal })
        await once(socket, 'connect')
        return socket
      },
      onEnd: summary => void summaries.push(summary),
      ...limits,
    }),
  })
  return { ...gateway, summaries }
}

export const UPGRADE_LINES = [
  'Host: wiki.test',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
]

export function upgradeRequest(path = '/ws', lines: readonly string[] = UPGRADE_LINES): string {
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

export const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'

/** A raw client. */
export async function connectRaw(t: Context, port: number): Promise<Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Reads until `isEnough` or the end; what came is returned as latin1 text. */
export function readUntil(socket: Socket, isEnough: (text: string) => boolean): Promise<string> {
  let text = ''
  return new Promise(resolve => {
    const finish = () => {
      socket.off('data', onData).off('end', finish).off('close', finish)
      resolve(text)
    }
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (isEnough(text)) {
        socket.pause()
        finish()
      }
    }
    socket.on('data', onData).on('end', finish).on('close', finish)
    socket.resume()
  })
}

export const readHead = (socket: Socket) => readUntil(socket, text => text.includes('\r\n\r\n'))
export const readAll = (socket: Socket) => readUntil(socket, () => false)

/** Waits until the condition holds; fails after the bound. */
export async function until(condition: () => boolean, boundMs = 3000): Promise<void> {
  const endMs = performance.now() + boundMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${boundMs} ms: ${condition}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}
