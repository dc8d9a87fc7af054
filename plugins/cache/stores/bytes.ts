/**
 * Small rules about bodies in memory.
 */
import type { ByteRange } from './types.ts'

export const EMPTY_BODY: Buffer = Buffer.alloc(0)

/** The bytes of a range, without a copy. A range past the end gives what is there. */
export function sliceRange(body: Buffer, range: ByteRange | undefined): Buffer {
  return range === undefined ? body : body.subarray(range.start, range.end + 1)
}

/**
 * One Buffer of its own memory: chunks from a socket are windows on larger blocks, which a stored body would keep
 * alive as a whole.
 */
export function joinChunks(chunks: readonly Buffer[], length: number): Buffer {
  if (length === 0) return EMPTY_BODY
  const only = chunks.length === 1 ? chunks[0] : undefined
  if (only !== undefined && only.buffer.byteLength === length) return only
  const body = Buffer.allocUnsafeSlow(length)
  let offset = 0
  for (const chunk of chunks) offset += chunk.copy(body, offset)
  return body
}
