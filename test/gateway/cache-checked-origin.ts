/**
 * An origin whose bodies say themselves whether they are whole: the checksum of the rest comes first. How it answers is
 * written in the query of the target, so that one origin serves every test of faults and load.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface CheckedOrigin {
  readonly url: string
  /** Requests by method and path without query, `GET /a`. */
  readonly asked: Map<string, number>
  /** Requests whose answers have not ended. */
  readonly running: number
  readonly sockets: number
}

const HEX = 64
const PIECE = 64 * 1024
const bodies = new Map<string, Buffer>()

/** `SHA-256 of the rest`, then path and version, then bytes to the length. */
export function checkedBody(path: string, version: number, size: number): Buffer {
  const name = `${path} ${version} ${size}`
  const known = bodies.get(name)
  if (known !== undefined) return known
  const body = Buffer.alloc(Math.max(size, HEX + name.length + 2), `${name} . `)
  body.write(`${path} v${version}\n`, HEX)
  body.write(createHash('sha256').update(body.subarray(HEX)).digest('hex'), 0)
  bodies.set(name, body)
  return body
}

/** The version that a body carries; null when it is torn, or another path's. */
export function versionIn(body: Buffer, path: string): number | null {
  const sum = createHash('sha256').update(body.subarray(HEX)).digest('hex')
  if (body.length < HEX || body.toString('latin1', 0, HEX) !== sum) return null
  const line = body.toString('latin1', HEX, body.indexOf(10, HEX))
  return line.startsWith(`${path} v`) ? Number(line.slice(path.length + 2)) : null
}

/** Any stretch of a file without an end: each 64 KiB begin with their number. */
export function fileBytes(start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start, 0x5a)
  for (let block = Math.ceil(start / PIECE); block * PIECE + 8 <= end; block++) {
    bytes.writeBigUInt64BE(BigInt(block), block * PIECE - start)
  }
  return bytes
}

/**
 * Of the query: `size` bytes of a checked body, or of a `file`; `wait` ms before the head; `pace` ms between pieces of 64
 * KiB; `cc` the Cache-Control; `chunked`: no length; `cut` the connection after that many bytes.
 */
export async function checkedOrigin(t: Teardown): Promise<CheckedOrigin> {
  const asked = new Map<string, number>()
  const versions = new Map<string, number>()
  const sockets = new Set<Socket>()
  let running = 0
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://origin')
    const name = `${request.method} ${url.pathname}`
    asked.set(name, (asked.get(name) ?? 0) + 1)
    running++
    response.once('close', () => running--)
    const isChange = request.method !== 'GET' && request.method !== 'HEAD'
    if (isChange) versions.set(url.pathname, (versions.get(url.pathname) ?? 1) + 1)
    void respond(request, response, { url, version: versions.get(url.pathname) ?? 1 }).catch(() => response.destroy())
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get running() {
      return running
    },
    get sockets() {
      return sockets.size
    },
  }
}

interface Asked {
  readonly url: URL
  readonly version: number
}

async function respond(request: IncomingMessage, response: ServerResponse, { url, version }: Asked): Promise<void> {
  const query = url.searchParams
  const number = (name: string): number => Number(query.get(name) ?? 0)
  let taken = 0
  request.on('data', (chunk: Buffer) => {
    taken += chunk.length
  })
  if (!request.complete && (request.headers['content-length'] ?? '0') !== '0') await once(request, 'end')
  else request.resume()
  if (number('wait') > 0) await sleep(number('wait'))
  if (response.destroyed) return
  if (request.method !== 'GET') return void response.end(`${taken} ${version}`)
  const whole = query.has('file') ? null : checkedBody(url.pathname, version, number('size') || 1_000)
  const total = whole?.length ?? number('size')
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = range === null ? 0 : Number(range[1])
  const end = range?.[2] ? Math.min(total, Number(range[2]) + 1) : total
  response.setHeader('Cache-Control', query.get('cc') ?? 'public, max-age=600')
  if (query.has('etag')) response.setHeader('ETag', `"v${version}"`)
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${total}`)
  if (!query.has('chunked')) response.setHeader('Content-Length', end - start)
  response.writeHead(range === null ? 200 : 206)
  const bytes = (from: number, to: number): Buffer => whole?.subarray(from, to) ?? fileBytes(from, to)
  await pour(response, bytes, { start, end: number('cut') || end, pace: number('pace') })
  if (query.has('cut')) return void response.destroy()
  response.end()
}

interface Pour {
  readonly start: number
  readonly end: number
  readonly pace: number
}

async function pour(
  response: ServerResponse,
  bytes: (from: number, to: number) => Buffer,
  { start, end, pace }: Pour,
): Promise<void> {
  for (let at = start; at < end && !response.destroyed; at += PIECE) {
    const hasRoom = response.write(bytes(at, Math.min(end, at + PIECE)))
    if (!hasRoom) await roomIn(response)
    if (pace > 0) await sleep(pace)
  }
}

/** Resolves when more can be written, or never will. */
function roomIn(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const settle = (): void => {
      response.off('drain', settle)
      response.off('close', settle)
      resolve()
    }
    response.on('drain', settle)
    response.on('close', settle)
  })
}
