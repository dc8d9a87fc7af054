/**
 * Sends the sub-requests of a call through the app itself, each as a request on a connection of its own that leads from the
 * process to the process: what it meets (access, cache, limits, log) is what it would meet alone.
 */
import http from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { isIdentityField } from '../contract/index.ts'
import type { SubRequest } from './call.ts'

export interface SubAnswer {
  readonly id: string | number | null
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
  readonly encoding: 'utf8' | 'base64'
  readonly ms: number
}

export interface SubFailure {
  readonly id: string | number | null
  readonly error: { readonly code: string; readonly message: string }
  readonly ms: number
}

/** Fields of the caller that each sub-request has too: by which way it came and, beside identity fields, who it is. */
const inherited: ReadonlySet<string> = new Set([
  ...['accept-language', 'authorization', 'cookie', 'forwarded', 'host', 'origin', 'referer', 'sec-fetch-site'],
  ...['user-agent', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip'],
])

/** What listeners and pools take is far more than Node's 16 KiB; both have looked at the head that they let through. */
const MOST_HEAD_BYTES = 131_072

const failures = {
  HG_BATCH_TIMEOUT: 'it had not ended when the time of the call was over',
  HG_BATCH_TOO_LARGE: 'the answers of the call are too large together',
  HG_BATCH_BROKEN: 'the answer was broken off',
} as const

export class SubRequests {
  readonly #server: http.Server
  readonly #sockets = new WeakSet<object>()

  constructor(route: http.RequestListener) {
    const options = { keepAlive: false, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: MOST_HEAD_BYTES }
    this.#server = http.createServer(options, route)
  }

  /** Whether a request is part of a batch. */
  has(request: http.IncomingMessage): boolean {
    return this.#sockets.has(request.socket)
  }

  /** `budget` is what all answers of the call may still take; never rejects. */
  send(
    parent: http.IncomingMessage,
    sub: SubRequest,
    signal: AbortSignal,
    budget: { bytes: number },
  ): Promise<SubAnswer | SubFailure> {
    const startedMs = performance.now()
    const { id, method, path, body } = sub
    const ms = () => Math.round((performance.now() - startedMs) * 10) / 10
    const fail = (code: keyof typeof failures): SubFailure => ({
      id,
      error: { code, message: failures[code] },
      ms: ms(),
    })
    if (signal.aborted) return Promise.resolve(fail('HG_BATCH_TIMEOUT'))
    return new Promise(resolve => {
      const headers = { ...inheritedOf(parent), ...sub.headers, 'accept-encoding': 'identity', connection: 'close' }
      const createConnection = () => this.#connect(parent)
      const asked = { method, path, headers, signal, createConnection, maxHeaderSize: MOST_HEAD_BYTES }
      const request = http.request(asked, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => {
          budget.bytes -= chunk.length
          chunks.push(chunk)
          if (budget.bytes >= 0) return
          resolve(fail('HG_BATCH_TOO_LARGE'))
          request.destroy()
        })
        response.on('error', () => resolve(fail(signal.aborted ? 'HG_BATCH_TIMEOUT' : 'HG_BATCH_BROKEN')))
        response.on('end', () => resolve({ id, ...answerOf(response, Buffer.concat(chunks)), ms: ms() }))
      })
      request.on('error', () => resolve(fail(signal.aborted ? 'HG_BATCH_TIMEOUT' : 'HG_BATCH_BROKEN')))
      request.end(body ?? undefined)
    })
  }

  /** The near end of a connection whose far end looks like that of the caller. */
  #connect({ socket }: http.IncomingMessage): Duplex {
    const [near, far] = duplexPair()
    const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = socket
    const encrypted = (socket as { encrypted?: boolean }).encrypted === true
    Object.assign(far, { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted })
    this.#sockets.add(far)
    this.#server.emit('connection', far)
    return near
  }
}

function inheritedOf({ headers }: http.IncomingMessage): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string' && (inherited.has(name) || isIdentityField(name))) kept[name] = value
  }
  kept['host'] ??= String(headers[':authority'] ?? 'localhost')
  return kept
}

function answerOf({ statusCode, headers }: http.IncomingMessage, body: Buffer): Omit<SubAnswer, 'id' | 'ms'> {
  const { connection: _connection, 'keep-alive': _keepAlive, 'transfer-encoding': _coding, ...told } = headers
  const text = body.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(body)
  return {
    status: statusCode ?? 0,
    headers: told as Record<string, string | string[]>,
    body: isText ? text : body.toString('base64'),
    encoding: isText ? 'utf8' : 'base64',
  }
}
