/**
 * Which case a request at the origin belongs to: a client that has left is noticed there a little later, when the next case has
 * begun. Each case writes hosts of its own for `fuzz.test` and `other.test`, of the same length; where the grammar has spoilt
 * them, a request belongs to whichever case has asked for it.
 */
import type { Message } from '../conformance/faults/strict-reader.ts'
import { findUnasked } from './judge-requests.ts'

/** Cases that are remembered. */
const KEPT = 64
const HOST = /\bzo?([0-9]{4})\.org/i

export class History {
  #number = 0
  readonly #kept = new Map<number, string>()

  /** The bytes as this case has to send them. */
  begin(bytes: string): string {
    this.#number = (this.#number + 1) % 10_000
    const digits = String(this.#number).padStart(4, '0')
    const mine = bytes.replaceAll('fuzz.test', `z${digits}.org`).replaceAll('other.test', `zo${digits}.org`)
    this.#kept.set(this.#number, mine)
    this.#kept.delete((this.#number - KEPT + 10_000) % 10_000)
    return mine
  }

  /** Those of this case; and what is wrong with those of the ones before. */
  sort(messages: readonly Message[]): { messages: Message[]; late: string[] } {
    const mine: Message[] = []
    const late: string[] = []
    for (const message of messages) {
      const number = this.#caseOf(message)
      if (number === this.#number) mine.push(message)
      else if (findUnasked([message], this.#kept.get(number) ?? '').length > 0)
        late.push(
          `came late and was not asked: ${JSON.stringify(message.head)} by ${JSON.stringify(this.#kept.get(number))}`,
        )
    }
    return { messages: mine, late }
  }
  /** That of this case where nobody has asked for it. */
  #caseOf(message: Message): number {
    const named = HOST.exec(message.head)?.[1]
    if (named !== undefined) return Number(named)
    const isOf = (number: number) => findUnasked([message], this.#kept.get(number) ?? '').length === 0
    return isOf(this.#number) ? this.#number : ([...this.#kept.keys()].find(isOf) ?? this.#number)
  }
}
