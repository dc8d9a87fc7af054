/**
 * Where the bytes of a plain socket arrive: by Node's `onread`, past the machinery of streams, which costs a small answer
 * a tenth of its CPU time and every read a buffer of 64 KiB. All sockets of the process share one place, which is free
 * again when its reader returns; a large answer gets places of its own, which are handed on without being copied.
 */
import type { OnReadOpts } from 'node:net'

/** What libuv would take as well. */
const PLACE_BYTES = 65_536
/** A read that brings as much is part of a large answer: the next gets a place of its own. */
const LARGE_READ_BYTES = 32_768

const shared = Buffer.allocUnsafeSlow(PLACE_BYTES)

/** @param isOurs whoever is given the bytes may keep them; else they are gone when the reader returns */
export type BytesReader = (bytes: Buffer, isOurs: boolean) => void

/** One socket's; give `onread` to `net.connect`. */
export class Landing {
  #place: Buffer = shared
  #read: BytesReader | null = null
  /** What came before anybody read: a copy, of one place at most, since the socket is asked to wait. */
  #early: Buffer | null = null

  readonly onread: OnReadOpts = {
    buffer: () => this.#place as Buffer<ArrayBuffer>,
    callback: (count, place) => this.#landed(count, place as Buffer),
  }

  /** From now on the reader is told of all bytes, of those that have come at once; then the socket has to be resumed. */
  readBy(read: BytesReader): void {
    this.#read = read
    const early = this.#early
    this.#early = null
    if (early !== null) read(early, true)
  }

  #landed(count: number, place: Buffer): boolean {
    const isOurs = place !== shared
    const bytes = count === place.length ? place : place.subarray(0, count)
    this.#place = count < LARGE_READ_BYTES ? shared : Buffer.allocUnsafeSlow(PLACE_BYTES)
    if (this.#read === null) {
      this.#early = Buffer.from(bytes)
      return false
    }
    this.#read(bytes, isOurs && count >= LARGE_READ_BYTES)
    return true
  }
}
