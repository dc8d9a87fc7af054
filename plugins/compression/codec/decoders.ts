/**
 * Decoders for what others have encoded. node:zlib reads all members of gzip (RFC 1952 §2.2), but stops behind the first
 * frame of zstd (RFC 8878 §3.1) and in front of what a skippable one announces, and knows only one of the two things that are
 * sent as `deflate` (RFC 9110 §8.4.1.2).
 */
import { Transform, type TransformCallback } from 'node:stream'
import zlib from 'node:zlib'
import type { Decodable } from '../rules/types.ts'
import { MAX_ZSTD_WINDOW_BITS, OUTPUT_BYTES, type ZlibStream } from './codecs.ts'

const options = { chunkSize: OUTPUT_BYTES }
const zstdOptions = { ...options, params: { [zlib.constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_BITS } }

/** Frames of any length; each costs a decoder of its own. */
const FREE_FRAMES = 256
/** Further ones have to be so long on average. */
const LEAST_FRAME_BYTES = 1_024

/** What reads bytes until it is content with them: `bytesWritten` says how many it has used. */
type Reader = Transform & { readonly bytesWritten: number }

/** Ends behind the coding; where `bytesWritten` is less than was written, something stands behind it. */
export function decoderStream(coding: Decodable): ZlibStream {
  if (coding === 'gzip') return zlib.createGunzip(options) as unknown as ZlibStream
  if (coding === 'br') return zlib.createBrotliDecompress(options) as unknown as ZlibStream
  return new SeriesDecoder(coding === 'zstd' ? zstdSeries : deflateSeries) as unknown as ZlibStream
}

/** The whole. Rejects where the bytes are not of the coding, go on behind it, or become more than `maxBytes`. */
export function decodeWhole(body: Buffer, coding: Decodable, maxBytes: number): Promise<Buffer> {
  const decoder = decoderStream(coding)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    decoder.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBytes) decoder.destroy(new RangeError('longer than it may be'))
      else chunks.push(chunk)
    })
    decoder.once('error', reject)
    decoder.once('end', () => {
      if (decoder.bytesWritten < body.length) reject(new Error('bytes behind the end of the coding'))
      else resolve(Buffer.concat(chunks, length))
    })
    decoder.end(body)
  })
}

interface SeriesRules {
  /** Bytes at the beginning that the choice of the reader needs. */
  readonly headBytes: number
  /** Another may follow where one ends. */
  readonly mayFollow: boolean
  open(head: Buffer): Reader
}

const zstdSeries: SeriesRules = {
  headBytes: 1,
  mayFollow: true,
  open: () => zlib.createZstdDecompress(zstdOptions),
}

/** Some senders leave out the frame of zlib (RFC 1950 §2.2); its first two bytes tell. */
const deflateSeries: SeriesRules = {
  headBytes: 2,
  mayFollow: false,
  open: head => (isZlibHead(head) ? zlib.createInflate(options) : zlib.createInflateRaw(options)),
}

function isZlibHead(head: Buffer): boolean {
  const first = head[0] ?? 0
  return (first & 0x0f) === 8 && ((first << 8) + (head[1] ?? 0)) % 31 === 0
}

/** One reader behind the other over one run of bytes. */
class SeriesDecoder extends Transform {
  /** By all readers. */
  bytesWritten = 0
  readonly #rules: SeriesRules
  #head: Buffer | null = null
  #reader: Reader | null = null
  #given = 0
  #opened = 0

  constructor(rules: SeriesRules) {
    super({ readableHighWaterMark: OUTPUT_BYTES, writableHighWaterMark: OUTPUT_BYTES })
    this.#rules = rules
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#head === null ? chunk : Buffer.concat([this.#head, chunk])
    this.#head = null
    if (this.#reader !== null) return this.#give(this.#reader, bytes, done)
    if (bytes.length >= this.#rules.headBytes) return this.#next(bytes, done)
    this.#head = bytes
    done()
  }

  /** The reader tells whether it has been given all of it. */
  override _flush(done: TransformCallback): void {
    const reader = this.#reader ?? this.#open(this.#head ?? Buffer.alloc(0))
    reader.once('end', () => {
      this.bytesWritten += this.#head?.length ?? 0
      done()
    })
    reader.end(this.#head ?? undefined)
  }

  override _read(size: number): void {
    this.#reader?.resume()
    super._read(size)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#reader?.destroy()
    done(error)
  }

  #next(bytes: Buffer, done: TransformCallback): void {
    this.#give(this.#open(bytes), bytes, done)
  }

  #open(head: Buffer): Reader {
    const reader = this.#rules.open(head)
    this.#reader = reader
    this.#given = 0
    this.#opened++
    reader.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) reader.pause()
    })
    reader.once('error', error => void this.destroy(error))
    return reader
  }

  #give(reader: Reader, bytes: Buffer, done: TransformCallback): void {
    const before = reader.bytesWritten
    this.#given += bytes.length
    reader.write(bytes, error => {
      if (error || this.destroyed) return
      this.bytesWritten += reader.bytesWritten - before
      const left = this.#given - reader.bytesWritten
      if (left === 0) return done()
      // It is content before the bytes are at their end. What it made of them comes first.
      const goOn = () => this.#follow(bytes.subarray(bytes.length - left), done)
      if (reader.readableEnded) goOn()
      else reader.once('end', goOn)
    })
  }

  #follow(bytes: Buffer, done: TransformCallback): void {
    if (!this.#rules.mayFollow) return void this.destroy(new Error('bytes behind the end of the coding'))
    if (this.#opened > FREE_FRAMES + this.bytesWritten / LEAST_FRAME_BYTES)
      return void this.destroy(new Error('too many short frames'))
    this.#reader?.destroy()
    this.#next(bytes, done)
  }
}
