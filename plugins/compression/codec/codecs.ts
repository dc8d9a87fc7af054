/**
 * The three codings over node:zlib, each with its own parameters (traps T19): whole bodies at once on this thread, whole
 * bodies in the thread pool, and streams.
 */

import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { endTurnNow } from '../../contract/index.ts'
import type { Coding } from '../rules/types.ts'

const { constants } = zlib

/** An encoder or decoder of node:zlib as a stream that can be told to send what it holds. */
export interface ZlibStream extends Transform {
  /** Bytes of input that it has used. */
  readonly bytesWritten: number
  flush(kind: number, done?: () => void): void
}

/** Bytes of output that are asked for at once; each further piece would be another job for the thread pool. */
export const OUTPUT_BYTES = 64 * 1024
/** Window of brotli and zstd on the fly, as a power of two: 512 KiB bound the memory of one stream. */
const WINDOW_BITS = 19
/** Largest window of zstd that is decoded, 8 MiB, as browsers have it (RFC 9659): a frame asks for its memory at once. */
export const MAX_ZSTD_WINDOW_BITS = 23
const MIN_WINDOW_BITS = 16
/**
 * Up to here brotli gets the smallest window: its tables for a larger one are so large that they are given back to the system
 * and fetched again for every body (a third of the time of 100 KiB), and find up to 0.7 % more, or less.
 */
const SMALL_BYTES = 128 * 1024

/**
 * Up to here somebody waits. Brotli then does without contexts of literals: a tenth of the time of bodies of some MB, for 0.0
 * (a page) to 0.9 % (a script) more bytes, and nothing either way of shorter ones. Above it windows are as large as they get.
 */
const MAX_AWAITED_LEVEL = 9

interface Codec {
  readonly maxLevel: number
  readonly flushKind: number
  options(level: number, length: number | null): object
  sync(body: Buffer, options: object): Buffer
  pooled(body: Buffer, options: object): Promise<Buffer>
  stream(options: object): ZlibStream
}

/** No larger than the body: a window beyond it costs memory and CPU time and finds nothing. */
function windowBits(length: number | null, most: number): number {
  if (length === null) return most
  return Math.max(MIN_WINDOW_BITS, Math.min(most, Math.ceil(Math.log2(length + 1))))
}

function brotliWindow(length: number | null): number {
  return length !== null && length <= SMALL_BYTES ? MIN_WINDOW_BITS : windowBits(length, WINDOW_BITS)
}

const codecs: Readonly<Record<Coding, Codec>> = {
  gzip: {
    maxLevel: 9,
    flushKind: constants.Z_SYNC_FLUSH,
    options: level => ({ level, memLevel: 9, chunkSize: OUTPUT_BYTES }),
    sync: (body, options) => zlib.gzipSync(body, options),
    pooled: promisify(zlib.gzip) as Codec['pooled'],
    stream: options => zlib.createGzip(options) as unknown as ZlibStream,
  },
  br: {
    maxLevel: 11,
    flushKind: constants.BROTLI_OPERATION_FLUSH,
    options: (level, length) => ({
      chunkSize: OUTPUT_BYTES,
      params: {
        [constants.BROTLI_PARAM_QUALITY]: level,
        [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: level <= MAX_AWAITED_LEVEL ? 1 : 0,
        // From 1 MiB on it then looks for matches with tables that pay for such a body.
        [constants.BROTLI_PARAM_SIZE_HINT]: length ?? 0,
        [constants.BROTLI_PARAM_LGWIN]: level > MAX_AWAITED_LEVEL ? windowBits(length, 24) : brotliWindow(length),
      },
    }),
    sync: (body, options) => zlib.brotliCompressSync(body, options),
    pooled: promisify(zlib.brotliCompress) as Codec['pooled'],
    stream: options => zlib.createBrotliCompress(options) as unknown as ZlibStream,
  },
  zstd: {
    maxLevel: 19,
    flushKind: constants.ZSTD_e_flush,
    options: (level, length) => ({
      chunkSize: OUTPUT_BYTES,
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        // RFC 8878 §3.1.1.1.2, RFC 9659: browsers refuse windows beyond 8 MiB.
        [constants.ZSTD_c_windowLog]: windowBits(
          length,
          level > MAX_AWAITED_LEVEL ? MAX_ZSTD_WINDOW_BITS : WINDOW_BITS,
        ),
      },
    }),
    sync: (body, options) => zlib.zstdCompressSync(body, options),
    pooled: promisify(zlib.zstdCompress) as Codec['pooled'],
    stream: options => zlib.createZstdCompress(options) as unknown as ZlibStream,
  },
}

/** Codings that this Node has. */
export function isAvailable(coding: Coding): boolean {
  return coding !== 'zstd' || typeof zlib.zstdCompressSync === 'function'
}

export function maxLevel(coding: Coding): number {
  return codecs[coding].maxLevel
}

export function encodeNow(body: Buffer, coding: Coding, level: number): Buffer {
  const codec = codecs[coding]
  // Milliseconds, for which nobody else's answer is to wait.
  endTurnNow()
  return codec.sync(body, codec.options(level, body.length))
}

/** In the thread pool. */
export function encodePooled(body: Buffer, coding: Coding, level: number): Promise<Buffer> {
  const codec = codecs[coding]
  return codec.pooled(body, codec.options(level, body.length))
}

/** `length` is that of the body where it is known. */
export function encoderStream(coding: Coding, level: number, length: number | null): ZlibStream {
  const codec = codecs[coding]
  return codec.stream({ ...codec.options(level, length), highWaterMark: OUTPUT_BYTES })
}

/** At the highest level, with the window as large as the body needs and browsers take (8 MiB for zstd). */
export function encoderForStorage(coding: Coding, length: number, isText: boolean): ZlibStream {
  const codec = codecs[coding]
  const options = codec.options(codec.maxLevel, length) as { params?: Record<number, number> }
  if (coding === 'br' && isText && options.params !== undefined) {
    options.params[constants.BROTLI_PARAM_MODE] = constants.BROTLI_MODE_TEXT
  }
  return codec.stream(options)
}

/** Sends what the encoder holds, so that the client can read all that the origin has sent. */
export function flushEncoder(encoder: ZlibStream, coding: Coding): void {
  encoder.flush(codecs[coding].flushKind)
}
