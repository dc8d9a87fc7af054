/**
 * How a whole body goes through @fastify/compress: the policy encodes it first, tells the plugin by Accept-Encoding which
 * coding it is to be, and the plugin's encoders, given in its `zlib` option, find the finished bytes.
 */
import type { FastifyRequest } from 'fastify'
import type { Coding } from '../rules/types.ts'
import { encodeNow } from './codecs.ts'

/** For a body that another hook has put in place of the one that was encoded. */
const fallbackLevel: Readonly<Record<Coding, number>> = { gzip: 6, br: 5, zstd: 3 }

export class HandOver {
  /** What was made of each body, until it is fetched or the body is gone. */
  readonly #made = new WeakMap<Buffer, Buffer>()
  readonly zlib = {
    gzipSync: (body: Buffer) => this.#fetch(body, 'gzip'),
    brotliCompressSync: (body: Buffer) => this.#fetch(body, 'br'),
    zstdCompressSync: (body: Buffer) => this.#fetch(body, 'zstd'),
  }

  give(request: FastifyRequest, body: Buffer, coding: Coding, encoded: Buffer): void {
    this.#made.set(body, encoded)
    setHeaders(request, { 'accept-encoding': coding })
  }

  /** The plugin does nothing to the answer. */
  leaveAlone(request: FastifyRequest): void {
    setHeaders(request, { 'x-no-compression': '1' })
  }

  #fetch(body: Buffer, coding: Coding): Buffer {
    const encoded = this.#made.get(body)
    this.#made.delete(body)
    return encoded ?? encodeNow(body, coding, fallbackLevel[coding])
  }
}

/** Fastify lays these over what the client sent; the raw request keeps that. */
function setHeaders(request: FastifyRequest, headers: Record<string, string>): void {
  ;(request as { headers: Record<string, string> }).headers = headers
}

/**
 * Bytes that @fastify/compress takes for gzip or zlib and passes through, with a label all the same (traps T1): every
 * text that begins with `x ` or `HK` is among them.
 */
export function looksCompressed(body: Buffer): boolean {
  const first = body[0] ?? 0
  const second = body[1] ?? 0
  if (body.length < 2) return false
  if (first === 0x1f && second === 0x8b) return true
  return (first & 0x8f) === 0x08 && ((first << 8) + second) % 31 === 0
}
