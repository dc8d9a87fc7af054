/**
 * How many bytes may pass: a bucket that fills at a steady rate. It may go below zero, since bytes that have come cannot be
 * sent back; the debt is waited for, so that the rate holds over time whatever the size of the pieces. Time is an argument.
 */

/** What may pass at once after a pause, as time at the rate; and at least so many bytes. */
const BURST_SECONDS = 0.1
const LEAST_BURST_BYTES = 16_384

export class TokenBucket {
  #bytesPerSecond = 0
  #burst = 0
  #level: number
  #atMs: number

  constructor(bytesPerSecond: number, nowMs: number) {
    this.setRate(bytesPerSecond)
    this.#level = this.#burst
    this.#atMs = nowMs
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  setRate(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
    this.#burst = Math.max(LEAST_BURST_BYTES, bytesPerSecond * BURST_SECONDS)
  }

  /** Bytes that may pass at `nowMs`; below zero = a debt. */
  level(nowMs: number): number {
    const gained = ((nowMs - this.#atMs) / 1000) * this.#bytesPerSecond
    this.#level = Math.min(this.#burst, this.#level + Math.max(0, gained))
    this.#atMs = Math.max(this.#atMs, nowMs)
    return this.#level
  }

  /** A negative number gives back what was taken and not used. */
  take(bytes: number): void {
    this.#level -= bytes
  }

  /** Nothing of it is in use: a new bucket would be the same. */
  isFull(nowMs: number): boolean {
    return this.level(nowMs) >= this.#burst
  }
}
