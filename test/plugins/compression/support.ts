/**
 * Compression over a proxy in a bare app or alone, a client that says what it accepts, and the reading of what it gets.
 */

import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import zlib from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { type CacheFunctions, type CacheOptions, cache } from '../../../plugins/cache/index.ts'
import { type CompressionOptions, compression } from '../../../plugins/compression/index.ts'
import { type ProxyOptions, proxy } from '../../../plugins/proxy/index.ts'
import { upstream } from '../../../plugins/upstream/index.ts'
import { exchange, type RawAnswer } from '../../support/raw-client.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface CompressingApp {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
}

export interface AppWishes {
  readonly direct?: boolean
  readonly compression?: Partial<CompressionOptions>
  readonly cache?: Partial<CacheOptions> & CacheFunctions
  readonly proxy?: Partial<ProxyOptions>
  /** Before the proxy: routes of the app itself. */
  routes?(app: FastifyInstance): void
}

export async function compressingApp(
  t: Teardown,
  origin: string | null,
  wishes: AppWishes = {},
): Promise<CompressingApp> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(compression, wishes.compression ?? {})
  wishes.routes?.(app)
  if (origin !== null) {
    await app.register(upstream, { upstreams: { app: { origins: [{ url: origin }], minSize: 0 } } })
    await app.register(proxy, { upstream: 'app', direct: wishes.direct ?? true, ...wishes.proxy })
    if (wishes.cache !== undefined) await app.register(cache, wishes.cache)
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, port, url: `http://127.0.0.1:${port}` }
}

/** One request with these lines beside Host, on a connection of its own. */
export function ask(
  port: number,
  target: string,
  fields: Record<string, string> = {},
  method = 'GET',
): Promise<RawAnswer> {
  const lines = Object.entries({ Host: 'home.test', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`)
  return exchange(port, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, method)
}

/** The bytes as the origin meant them, by the label of the answer. */
export function decoded({ headers, body }: Pick<RawAnswer, 'headers' | 'body'>): Buffer {
  const encoding = headers['content-encoding']
  if (encoding === undefined) return body
  if (encoding === 'gzip') return zlib.gunzipSync(body)
  if (encoding === 'br') return zlib.brotliDecompressSync(body)
  if (encoding === 'zstd') return zlib.zstdDecompressSync(body)
  throw new Error(`no decoder for ${encoding}`)
}

/** Text that shrinks, of about so many bytes, the same each time. */
export function words(bytes: number): string {
  let text = ''
  for (let i = 0; text.length < bytes; i++) text += `entry ${i} of the household, ${(i * 7919) % 1000} degrees; `
  return text.slice(0, bytes)
}

/** Bytes that do not shrink, the same each time. */
export function noise(bytes: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i * 32 < bytes; i++) parts.push(createHash('sha256').update(String(i)).digest())
  return Buffer.concat(parts).subarray(0, bytes)
}
