/**
 * Bodies out of files: small ones as a Buffer, large ones as a stream over an open descriptor, which keeps the bytes
 * even when the file is unlinked meanwhile. A file of another length, or one that a loss of power may have cut and
 * whose checksum is wrong, counts as gone.
 */
import { closeSync, constants, createReadStream, fstatSync, open, read } from 'node:fs'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { EMPTY_BODY } from '../bytes.ts'
import type { ByteRange } from '../types.ts'

/** A body or range up to this length is read at once. Longer reads cost more than they save (docs/performance.md). */
export const WHOLE_READ_BYTES = 64 * 1024
const STREAM_CHUNK_BYTES = 256 * 1024

const openFile = promisify(open)

export interface BodyFile {
  readonly path: string
  readonly length: number
  /** To be checked before anything is handed out; null where the body was written in this run of the machine. */
  readonly checksum: number | null
}

/** @throws the errors of the file system; rejects with `BodyDamaged` when the bytes are not those that were stored */
export async function readBody(file: BodyFile, range: ByteRange): Promise<Buffer | Readable> {
  const descriptor = await openFile(file.path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    // What is known of an open file waits for no disk: a turn in the thread pool would cost more (bench: disk).
    if (fstatSync(descriptor).size !== file.length) throw new BodyDamaged()
    if (file.checksum !== null) await verify(descriptor, file.length, file.checksum)
    const length = range.end - range.start + 1
    if (length > WHOLE_READ_BYTES) return streamOf(descriptor, range)
    const body = await readExactly(descriptor, range.start, Buffer.allocUnsafeSlow(length))
    closeSync(descriptor)
    return body
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** The bytes are not those that were stored. */
export class BodyDamaged extends Error {
  readonly code = 'HG_CACHE_BODY_DAMAGED'
}

function streamOf(descriptor: number, { start, end }: ByteRange): Readable {
  return createReadStream('', { fd: descriptor, start, end, highWaterMark: STREAM_CHUNK_BYTES })
}

async function verify(descriptor: number, length: number, checksum: number): Promise<void> {
  const block = Buffer.allocUnsafe(Math.min(length, STREAM_CHUNK_BYTES))
  let found = 0
  for (let offset = 0; offset < length; offset += block.length) {
    const part = block.subarray(0, Math.min(block.length, length - offset))
    found = crc32(await readExactly(descriptor, offset, part), found)
  }
  if (found !== checksum) throw new BodyDamaged()
}

async function readExactly(descriptor: number, position: number, into: Buffer): Promise<Buffer> {
  let filled = 0
  while (filled < into.length) {
    const count = await readPart(descriptor, into, filled, position + filled)
    if (count === 0) throw new BodyDamaged()
    filled += count
  }
  return into.length === 0 ? EMPTY_BODY : into
}

function readPart(descriptor: number, into: Buffer, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(descriptor, into, offset, into.length - offset, position, (error, count) =>
      error === null ? resolve(count) : reject(error),
    ),
  )
}
