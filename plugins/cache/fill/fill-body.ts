/**
 * The bytes of one answer while it arrives, for readers at different places in it. All are kept while they fit, so that
 * late readers can begin at the first; beyond that a window follows the slowest reader.
 */

/** Most bytes of one answer that are kept for readers to come, and that a reader may lag behind another. */
export const FILL_WINDOW_BYTES = 8 * 1024 * 1024
/** Most bytes that all fills of an app keep for readers to come. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024

/** What the bodies and the parts of one app share. */
export class KeptBytes {
  bytes = 0

  get isFull(): boolean {
    return this.bytes > MOST_KEPT_BYTES
  }
}

export class FillBody {
  /** Bytes that have arrived. */
  total = 0
  isEnded = false
  /** False once the first bytes are gone: nobody can join any more. */
  isWhole: boolean
  #chunks: Buffer[] = []
  /** Chunks that are gone. */
  #dropped = 0
  #kept = 0
  readonly #shared: KeptBytes

  /** `isKept` false: one reader only, nothing is kept for another. */
  constructor(shared: KeptBytes, isKept: boolean) {
    this.#shared = shared
    this.isWhole = isKept
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.total += chunk.length
    this.#kept += chunk.length
    this.#shared.bytes += chunk.length
    if (this.total > FILL_WINDOW_BYTES || this.#shared.isFull) this.isWhole = false
  }

  /** The chunk of that number, counted from the first that ever came. */
  at(index: number): Buffer | undefined {
    return this.#chunks[index - this.#dropped]
  }

  /** Forgets what every reader is past; `index` is the first chunk that somebody still needs. */
  dropBefore(index: number): void {
    if (this.isWhole || index <= this.#dropped) return
    const gone = this.#chunks.splice(0, index - this.#dropped)
    this.#dropped += gone.length
    for (const chunk of gone) this.#release(chunk.length)
  }

  clear(): void {
    this.#chunks = []
    this.isWhole = false
    this.#release(this.#kept)
  }

  #release(bytes: number): void {
    this.#kept -= bytes
    this.#shared.bytes -= bytes
  }
}
