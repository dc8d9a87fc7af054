/**
 * The beginning of an answer that the client has not seen yet: its head, and of a small one the bytes that are there.
 */
import type { Due } from './due-times.ts'
import { decideHold } from './rules/hold-head.ts'

/** Bytes of all held answers of an app; above, answers go on as they come. */
const MAX_HELD_BYTES = 16 * 1024 ** 2

/** Counts what all held answers of an app hold. */
export class HeldBytes {
  #bytes = 0

  take(count: number): boolean {
    if (this.#bytes + count > MAX_HELD_BYTES) return false
    this.#bytes += count
    return true
  }

  give(count: number): void {
    this.#bytes -= count
  }
}

export interface Holder {
  /** The answer was held for as long as it may be. */
  onHoldOver(): void
}

export class HeldAnswer implements Due {
  bagIndex = -1
  dueTick = 0
  readonly status: number
  readonly message: string
  readonly #holder: Holder
  readonly #held: HeldBytes
  /** Bytes that end the hold. */
  readonly #wanted: number
  #bytes = 0
  #taken = 0
  #chunks: Buffer[] | null = null

  constructor(head: { status: number; message: string; wanted: number }, held: HeldBytes, holder: Holder) {
    this.status = head.status
    this.message = head.message
    this.#wanted = head.wanted
    this.#held = held
    this.#holder = holder
  }

  onDue(): void {
    this.#holder.onHoldOver()
  }

  /** True = it is to be held further, and keeps the chunk; false = the hold is over, and the chunk is the caller's. */
  keep(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes >= this.#wanted || !this.#held.take(chunk.length)) return false
    this.#taken += chunk.length
    this.#chunks ??= []
    this.#chunks.push(chunk)
    return true
  }

  /** What was kept; it is forgotten here. */
  release(): readonly Buffer[] {
    const chunks = this.#chunks ?? noChunks
    this.#held.give(this.#taken)
    this.#taken = 0
    this.#chunks = null
    return chunks
  }
}

const noChunks: readonly Buffer[] = []

/** Bytes to wait for before the head goes on; 0 = it goes at once. */
export function bytesToAwait(method: string, status: number, rawHeaders: readonly string[]): number {
  const hold = decideHold(method, status, rawHeaders)
  return hold.until === 'none' ? 0 : hold.until === 'whole' ? hold.bytes : 1
}
