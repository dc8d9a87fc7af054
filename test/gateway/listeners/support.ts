/** Listeners on free loopback ports and raw clients for them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { GlobalLimits } from '../../../gateway/config/types.ts'
import {
  type ClientErrorKind,
  type ListenerHandlers,
  type Listeners,
  openListeners,
  type SocketConfig,
} from '../../../gateway/listeners/index.ts'

export const limits: GlobalLimits = {
  headerSize: 32_768,
  headerLines: 200,
  headerTimeoutMs: 10_000,
  bodyIdleMs: 30_000,
  writeIdleMs: 60_000,
  keepAliveMs: 65_000,
  connections: 4_096,
  connectionsPerAddress: 256,
}

export function pem(name: string): { cert: string; key: string } {
  const path = (kind: string) => fileURLToPath(new URL(`../../support/certs/${name}.${kind}.pem`, import.meta.url))
  return { cert: path('cert'), key: path('key') }
}

export const plain: SocketConfig = { host: '127.0.0.1', port: 0, tls: null }
export const secure: SocketConfig = { host: '127.0.0.1', port: 0, tls: [pem('localhost')] }

export interface Opened {
  readonly listeners: Listeners
  readonly port: number
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; raw: string[] }[]
  readonly errors: ClientErrorKind[]
  readonly logs: { level: string; fields: object; message: string }[]
}

export interface OpenOptions {
  readonly limits?: Partial<GlobalLimits>
  readonly handlers?: Partial<ListenerHandlers>
  readonly listen?: readonly SocketConfig[]
}

/** Opens `listen` (default: one plain listener); the handler reads the body and answers with method and target. */
export async function open(t: Test, options: OpenOptions = {}): Promise<Opened> {
  const seen: Opened['seen'] = []
  const errors: ClientErrorKind[] = []
  const logs: Opened['logs'] = []
  const logAs = (level: string) => (fields: object, message: string) => void logs.push({ level, fields, message })
  const request = options.handlers?.request ?? echo
  const listeners = await openListeners(
    options.listen ?? [plain],
    { ...limits, ...options.limits },
    {
      upgrade: (_req, socket) => void socket.destroy(),
      isUpgrade: () => false,
      isTrustedProxy: () => false,
      log: { info: logAs('info'), warn: logAs('warn'), error: logAs('error') },
      onClientError: kind => void errors.push(kind),
      ...options.handlers,
      request(req, res) {
        seen.push({ method: req.method!, url: req.url!, headers: req.headers, raw: req.rawHeaders })
        request(req, res)
      },
    },
  )
  t.teardown(() => listeners.close(0))
  return { listeners, port: listeners.addresses[0]!.port, seen, errors, logs }
}

export function echo(req: IncomingMessage, res: ServerResponse): void {
  req.resume()
  const answer = () => res.end(`${req.method} ${req.url}`)
  // A request without a body has ended when it comes.
  if (req.readableEnded) answer()
  else req.on('end', answer)
}

export interface RawClient {
  readonly socket: Socket
  /** Everything received so far, latin1. */
  text(): string
  /** Resolves with the text when `isEnough` says so or the connection has closed. */
  until(isEnough: (text: string) => boolean): Promise<string>
  /** Resolves when the connection has closed, with whether it was reset. */
  readonly closed: Promise<{ text: string; reset: boolean }>
}

export async function rawClient(t: Test, port: number, isTls = false, options: object = {}): Promise<RawClient> {
  const socket: Socket | TLSSocket = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    : connect({ port, host: '127.0.0.1', ...options })
  t.teardown(() => void socket.destroy())
  let text = ''
  let reset = false
  const waiting = new Set<() => void>()
  const closed = new Promise<{ text: string; reset: boolean }>(resolve => {
    socket.on('close', () => resolve({ text, reset }))
  })
  socket.on('error', error => {
    reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  })
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    for (const check of waiting) check()
  })
  const until = (isEnough: (text: string) => boolean) =>
    new Promise<string>(resolve => {
      const check = () => {
        if (!isEnough(text) && !socket.closed) return
        waiting.delete(check)
        resolve(text)
      }
      waiting.add(check)
      socket.on('close', check)
      check()
    })
  await new Promise<void>(resolve => {
    socket.once(isTls ? 'secureConnect' : 'connect', () => resolve())
    socket.once('close', () => resolve())
  })
  return { socket, text: () => text, until, closed }
}

/** Sends `bytes` (latin1) and resolves with what came until the connection closed or an answer was complete. */
export async function exchange(t: Test, port: number, bytes: string, isTls = false): Promise<string> {
  const client = await rawClient(t, port, isTls)
  client.socket.write(bytes, 'latin1')
  const text = await client.until(isWholeAnswer)
  client.socket.destroy()
  return text
}

export function statusOf(text: string): number {
  return Number(text.slice(9, 12))
}

/** For answers with Content-Length. */
export function isWholeAnswer(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(text)
  return end !== -1 && length !== null && text.length >= end + 4 + Number(length[1])
}

/** Resolves once `isTrue`; the test's own time limit bounds it. */
export async function eventually(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(resolve => setTimeout(resolve, 10))
}
