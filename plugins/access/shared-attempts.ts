/**
 * Attempts of one process among several: counted here and by the one that counts for all. What is too many here is refused
 * without asking, so that a flood costs the other process nothing; without an answer in time the count here decides.
 */
import { type AttemptCounter, type AttemptLimit, Attempts } from './attempts.ts'

/** Longest wait for the count of all. */
const ANSWER_MS = 500
/** Most questions without an answer yet. */
const MAX_ASKED = 1_000

export interface AttemptQuestion extends AttemptLimit {
  readonly id: number
  readonly sender: string
}

/** The way to the process that counts for all. */
export interface AttemptChannel {
  ask(question: AttemptQuestion): void
  forgive(sender: string): void
}

export class SharedAttempts implements AttemptCounter {
  readonly #own = new Attempts()
  readonly #channel: AttemptChannel
  readonly #asked = new Map<number, (waitMs: number) => void>()
  #last = 0

  constructor(channel: AttemptChannel) {
    this.#channel = channel
  }

  take(sender: string, limit: AttemptLimit, nowMs: number): number | Promise<number> {
    const waitMs = this.#own.take(sender, limit, nowMs)
    if (waitMs > 0 || this.#asked.size >= MAX_ASKED) return waitMs
    const id = ++this.#last
    return new Promise(resolve => {
      const timer = setTimeout(() => this.answered(id, 0), ANSWER_MS)
      this.#asked.set(id, answer => {
        clearTimeout(timer)
        resolve(answer)
      })
      this.#channel.ask({ id, sender, attempts: limit.attempts, windowMs: limit.windowMs })
    })
  }

  forgive(sender: string): void {
    this.#own.forgive(sender)
    this.#channel.forgive(sender)
  }

  /** What the other process said; too late, or said twice, it is not heard. */
  answered(id: number, waitMs: number): void {
    const answer = this.#asked.get(id)
    this.#asked.delete(id)
    answer?.(waitMs)
  }
}
