/**
 * Whose turn it is to send over a line that all share: each class gets a share by its weight while others want to send too,
 * and everything while nobody else does (start-time fair queueing between three classes).
 */
import { PRIORITY_CLASSES, type PriorityClass } from '../rules/rank.ts'

/** Shares of the line while all classes send. */
export const CLASS_WEIGHTS: Readonly<Record<PriorityClass, number>> = { interactive: 8, stream: 4, bulk: 1 }

export class ClassTurns {
  readonly #servedTo: Record<PriorityClass, number> = { interactive: 0, stream: 0, bulk: 0 }
  #now = 0

  /** Of the classes that want to send the one that has had the least for its weight. */
  next(wants: (name: PriorityClass) => boolean): PriorityClass | null {
    let first: PriorityClass | null = null
    for (const name of PRIORITY_CLASSES) {
      if (wants(name) && (first === null || this.#startOf(name) < this.#startOf(first))) first = name
    }
    if (first !== null) this.#now = Math.max(this.#now, this.#startOf(first))
    return first
  }

  took(name: PriorityClass, bytes: number): void {
    this.#servedTo[name] = this.#startOf(name) + bytes / CLASS_WEIGHTS[name]
  }

  /** Who did not send for a while has saved nothing up. */
  #startOf(name: PriorityClass): number {
    return Math.max(this.#now, this.#servedTo[name])
  }
}
