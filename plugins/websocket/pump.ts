/**
 * One direction of a tunnel: copies bytes as they are, reads no further than the other side takes them, passes the end
 * on after the last byte, and can end the direction early at a frame border.
 */
import type { Duplex } from 'node:stream'
import { closeFrame, type FrameBorders } from './frame-borders.ts'

/** Where bytes are counted while they flow. */
export interface ByteMeter {
  add(bytes: number): void
}

export interface PumpOptions {
  readonly source: Duplex
  readonly sink: Duplex
  readonly borders: FrameBorders
  /** Whether our own Close frame must be masked, i.e. whether `sink` is the origin. */
  readonly masked: boolean
  readonly meter: ByteMeter | null
  /** The source has ended and the end was passed on; not called once the direction was ended early. */
  onSourceEnd(): void
}

const EMPTY = Buffer.alloc(0)

export class Pump {
  readonly #options: PumpOptions
  /** Bytes handed to the sink. */
  bytes = 0
  /** The last bytes to write once the frame that is under way is complete. */
  #farewell: Buffer | null = null
  #discarding = false

  constructor(options: PumpOptions) {
    this.#options = options
  }

  /** Passes `first`, then everything that the source gives. */
  start(first: Buffer): void {
    const { source, sink } = this.#options
    source.on('data', (chunk: Buffer) => this.#take(chunk))
    source.on('end', () => this.#end())
    sink.on('drain', () => source.resume())
    if (first.length > 0) this.#take(first)
    if (!sink.writableNeedDrain) source.resume()
  }

  /**
   * Ends the direction: with a Close frame at the next frame border, or at once where no border is known. Whatever
   * comes after it is read and dropped, so that the sender is not reset while our last bytes are on their way.
   */
  finish(code: number): void {
    if (this.#discarding || this.#farewell !== null) return
    const { borders, masked } = this.#options
    const isKnown = !borders.lost
    const farewell = !isKnown || borders.closed ? EMPTY : closeFrame(code, masked)
    if (!isKnown || borders.atBorder) this.#stop(farewell)
    else this.#farewell = farewell
  }

  #take(chunk: Buffer): void {
    if (this.#discarding) return
    const { borders } = this.#options
    if (this.#farewell === null) {
      borders.advance(chunk)
      this.#pass(chunk)
      return
    }
    const passed = borders.advance(chunk, true)
    this.#pass(passed === chunk.length ? chunk : chunk.subarray(0, passed))
    if (borders.lost) this.#stop(EMPTY)
    else if (borders.atBorder) this.#stop(this.#farewell)
  }

  #pass(chunk: Buffer): void {
    const { source, sink, meter } = this.#options
    if (!sink.writable) return
    this.bytes += chunk.length
    meter?.add(chunk.length)
    if (!sink.write(chunk)) source.pause()
  }

  #stop(last: Buffer): void {
    const { source, sink } = this.#options
    this.#discarding = true
    if (sink.writable) sink.end(last)
    source.resume()
  }

  #end(): void {
    if (this.#discarding) return
    this.#discarding = true
    this.#options.sink.end()
    this.#options.onSourceEnd()
  }
}
