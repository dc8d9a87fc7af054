/**
 * One timer for all answers that wait for something: it runs only while somebody waits.
 */
import { Bag, type BagMember } from '../../contract/index.ts'

export interface Ticked extends BagMember {
  tick(nowMs: number): void
}

export class Ticker {
  readonly #members = new Bag<Ticked>()
  readonly #everyMs: number
  #timer: NodeJS.Timeout | null = null

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  add(member: Ticked): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => this.#tick(), this.#everyMs)
  }

  delete(member: Ticked): void {
    this.#members.delete(member)
    if (this.#members.size === 0) this.stop()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #tick(): void {
    const now = performance.now()
    this.#members.visit(member => member.tick(now))
  }
}
