/**
 * An origin on a raw socket: it hands each request to a script, byte for byte, and lets the script answer with any
 * bytes at all. It reads requests strictly enough to know where one ends.
 */
import { once } from 'node:events'
import net from 'node:net'

export interface RawRequest {
  /** First line. */
  readonly line: string
  readonly method: string
  readonly target: string
  /** Head lines as received, without the first. */
  readonly lines: string[]
  /** Lower-case names, last value wins. */
  readonly headers: Record<string, string>
  /** Filled when it is complete. */
  body: Buffer
  /** Resolves when the body is complete; rejects when the connection ends before. */
  readonly complete: Promise<Buffer>
  /** Number of the connection, from 0. */
  readonly connection: number
}

export type Script = (request: RawRequest, socket: net.Socket) => void

export interface RawOrigin {
  readonly url: string
  readonly port: number
  readonly requests: RawRequest[]
  readonly sockets: Set<net.Socket>
  /** Connections accepted so far. */
  connections: number
  close(): Promise<void>
  /** Stops listening and ends every connection, as a container that dies. */
  stop(): Promise<void>
}

export async function rawOrigin(script: Script, port = 0): Promise<RawOrigin> {
  const requests: RawRequest[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, socket => {
    const number = origin.connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    readRequests(socket, number, request => {
      requests.push(request)
      script(request, socket)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise(done => server.close(done))
  }
  const address = server.address() as net.AddressInfo
  const origin: RawOrigin = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    sockets,
    connections: 0,
    close: stop,
    stop,
  }
  return origin
}

/** A whole answer with Content-Length. */
export function answer(status: number, headers: Record<string, string>, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body)
  const lines = Object.entries({ 'Content-Length': String(bytes.length), ...headers }).map(([k, v]) => `${k}: ${v}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`, 'latin1'), bytes])
}

function readRequests(socket: net.Socket, connection: number, onRequest: (request: RawRequest) => void): void {
  let buffer: Buffer = Buffer.alloc(0)
  let current: Reading | null = null
  socket.on('data', chunk => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    for (;;) {
      if (current === null) {
        const end = buffer.indexOf('\r\n\r\n')
        if (end < 0) return
        current = startReading(buffer.subarray(0, end).toString('latin1'), connection)
        buffer = buffer.subarray(end + 4)
        onRequest(current.request)
      }
      buffer = current.take(buffer)
      if (!current.isDone) return
      current = null
    }
  })
  socket.on('close', () => current?.fail())
}

interface Reading {
  readonly request: RawRequest
  isDone: boolean
  take(buffer: Buffer): Buffer
  fail(): void
}

function startReading(head: string, connection: number): Reading {
  const [line = '', ...lines] = head.split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const headers: Record<string, string> = {}
  for (const text of lines) {
    const colon = text.indexOf(':')
    headers[text.slice(0, colon).toLowerCase()] = text.slice(colon + 1).trim()
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  promise.catch(() => {})
  const request: RawRequest = {
    line,
    method,
    target,
    lines,
    headers,
    body: Buffer.alloc(0),
    complete: promise,
    connection,
  }
  const isChunked = headers['transfer-encoding'] === 'chunked'
  let left = Number(headers['content-length'] ?? 0)
  const parts: Buffer[] = []
  const finish = (rest: Buffer) => {
    reading.isDone = true
    resolve(request.body)
    return rest
  }
  const reading: Reading = {
    request,
    isDone: false,
    take(buffer) {
      if (isChunked) return takeChunks(buffer, request, finish)
      const part = buffer.subarray(0, left)
      parts.push(part)
      left -= part.length
      if (left > 0) return Buffer.alloc(0)
      request.body = Buffer.concat(parts)
      return finish(buffer.subarray(part.length))
    },
    fail: () => reject(new Error('the request was cut')),
  }
  return reading
}

function takeChunks(buffer: Buffer, request: RawRequest, finish: (rest: Buffer) => Buffer): Buffer {
  let rest = buffer
  for (;;) {
    const eol = rest.indexOf('\r\n')
    if (eol < 0) return rest
    const size = Number.parseInt(rest.subarray(0, eol).toString('latin1'), 16)
    if (rest.length < eol + 2 + size + 2) return rest
    if (size === 0) return finish(rest.subarray(eol + 4))
    request.body = Buffer.concat([request.body, rest.subarray(eol + 2, eol + 2 + size)])
    rest = rest.subarray(eol + 2 + size + 2)
  }
}
