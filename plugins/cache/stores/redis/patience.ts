/**
 * How long an answer is waited for: time in which our own loop could have heard it. A loop that stood still (another
 * process had the CPU, or a long turn of our own) has answers waiting in the socket, or questions not yet sent, when
 * its timers fire; that is no fault of the server.
 */

/** The limit is waited for in so many parts, so that standing still shows. */
const PARTS = 5
/** Times of standing still that do not count: a loop that does it again and again must not wait for ever. */
const MOST_STANDSTILLS = 2

export class Patience {
  readonly #partMs: number
  readonly #giveUp: () => void
  #deadlineMs: number
  #partEndMs = 0
  #standstills = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  /** Calls `giveUp` once after `limitMs`, unless it ends before. */
  constructor(limitMs: number, giveUp: () => void) {
    this.#partMs = limitMs / PARTS
    this.#giveUp = giveUp
    const now = performance.now()
    this.#deadlineMs = now + limitMs
    this.#wait(now)
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  #wait(nowMs: number): void {
    const part = Math.max(1, Math.min(this.#partMs, this.#deadlineMs - nowMs))
    this.#partEndMs = nowMs + part
    this.#timer = setTimeout(() => this.#judge(), part)
  }

  #judge(): void {
    const now = performance.now()
    const lateMs = now - this.#partEndMs
    if (lateMs > this.#partMs / 2 && this.#standstills++ < MOST_STANDSTILLS)
      this.#deadlineMs = Math.max(this.#deadlineMs + lateMs, now + this.#partMs)
    if (now < this.#deadlineMs) return this.#wait(now)
    // What is in the socket already is heard between the timers of a turn and its immediates.
    setImmediate(() => {
      if (!this.#ended) this.#giveUp()
    })
  }
}
