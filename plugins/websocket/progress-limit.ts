/**
 * The one time limit that is in force on a tunnel: until a deadline, or without progress. Progress is sampled on the
 * sweep's timer, so that passing bytes costs nothing.
 */
import type { Sweep, Swept } from './sweep.ts'

export interface LimitOptions {
  readonly sweep: Sweep
  /** Any number that differs after progress. */
  measure(): number
  onExpired(): void
}

export class ProgressLimit implements Swept {
  readonly #options: LimitOptions
  #limitMs = 0
  #isDeadline = false
  #sinceMs = 0
  #progress = 0

  constructor(options: LimitOptions) {
    this.#options = options
  }

  /** Expires after this time without progress; null = never. Replaces the limit before it. */
  idle(limitMs: number | null): void {
    this.#set(limitMs, false)
  }

  /** Expires after this time, whatever moves. Replaces the limit before it. */
  deadline(limitMs: number): void {
    this.#set(limitMs, true)
  }

  clear(): void {
    this.#options.sweep.delete(this)
  }

  sweep(nowMs: number): void {
    const progress = this.#options.measure()
    if (!this.#isDeadline && progress !== this.#progress) {
      this.#progress = progress
      this.#sinceMs = nowMs
    } else if (nowMs - this.#sinceMs >= this.#limitMs) {
      this.clear()
      this.#options.onExpired()
    }
  }

  #set(limitMs: number | null, isDeadline: boolean): void {
    if (limitMs === null) {
      this.clear()
      return
    }
    this.#limitMs = limitMs
    this.#isDeadline = isDeadline
    this.#sinceMs = performance.now()
    this.#progress = this.#options.measure()
    this.#options.sweep.add(this)
  }
}
