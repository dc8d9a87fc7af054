/**
 * What is told of a Redis that cannot be used, since nothing else shows it: requests are answered as if it were empty.
 * Once for each reason, and the same again after a minute at the earliest: one that is just too slow comes and goes.
 */

/** Whether it is used now, and why not. The reason is a code or a sentence, without address and password. */
export type Reach = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export const SAME_AGAIN_MS = 60_000
/** Sentences of a server may have a number in them that is never the same. */
const MOST_REASONS = 32
const LATE = 'it answers too late'
const CLOSED = 'it closed the connection'

export class ReachNews {
  readonly #tell: (reach: Reach) => void
  readonly #toldAtMs = new Map<string, number>()
  #reason: string | null = null
  /** Nobody is told that it is back who was not told that it had gone. */
  #isTold = false

  constructor(tell: (reach: Reach) => void) {
    this.#tell = tell
  }

  /** An error of the connection: the closing that follows has it as its reason. */
  blame({ code, message }: NodeJS.ErrnoException): void {
    this.#reason = code ?? message
  }

  closed(nowMs: number): void {
    this.#away(this.#reason ?? CLOSED, nowMs)
  }

  late(nowMs: number): void {
    this.#away(this.#reason ?? LATE, nowMs)
  }

  back(): void {
    this.#reason = null
    if (this.#isTold) this.#tell({ ok: true })
    this.#isTold = false
  }

  #away(reason: string, nowMs: number): void {
    if (nowMs - (this.#toldAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) < SAME_AGAIN_MS) return
    if (this.#toldAtMs.size >= MOST_REASONS) this.#toldAtMs.clear()
    this.#toldAtMs.set(reason, nowMs)
    this.#isTold = true
    this.#tell({ ok: false, reason })
  }
}
