/**
 * Virtual time: events in the order of their time, ties in the order in which they were planned.
 */

export interface Planned {
  readonly at: number
  readonly order: number
  /** Null once it has been called off. */
  run: (() => void) | null
}

/** What models run on: virtual time, or that of the machine (real/clock.ts). */
export interface Clock {
  /** Milliseconds since the start. */
  readonly now: number
  after(ms: number, run: () => void): Planned
}

export class Timeline implements Clock {
  now = 0
  #order = 0
  readonly #heap: Planned[] = []

  after(ms: number, run: () => void): Planned {
    const planned = { at: this.now + Math.max(0, ms), order: this.#order++, run }
    this.#heap.push(planned)
    this.#up(this.#heap.length - 1)
    return planned
  }

  /** Runs all that is planned up to and including `untilMs`. */
  runUntil(untilMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= untilMs; next = this.#heap[0]) {
      this.#takeFirst()
      if (next.run === null) continue
      this.now = next.at
      next.run()
    }
    this.now = untilMs
  }

  #takeFirst(): void {
    const last = this.#heap.pop() as Planned
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#down(0)
  }

  #up(start: number): void {
    const heap = this.#heap
    const moved = heap[start] as Planned
    let i = start
    while (i > 0) {
      const above = (i - 1) >> 1
      const parent = heap[above] as Planned
      if (!isBefore(moved, parent)) break
      heap[i] = parent
      i = above
    }
    heap[i] = moved
  }

  #down(start: number): void {
    const heap = this.#heap
    const moved = heap[start] as Planned
    let i = start
    for (let child = 2 * i + 1; child < heap.length; child = 2 * i + 1) {
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Planned)) child++
      const smaller = heap[child] as Planned
      if (!isBefore(smaller, moved)) break
      heap[i] = smaller
      i = child
    }
    heap[i] = moved
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
