/**
 * Something that runs any number of jobs at once, all at the same speed: the CPU of an app or of the gateway, a link. The
 * speed depends on how many there are, so a job is done when the common progress has reached its mark.
 */
import type { Clock, Planned } from './timeline.ts'

export interface Job {
  readonly mark: number
  done: (() => void) | null
}

export class SharedServer {
  readonly #timeline: Clock
  /** Progress of each job in a millisecond when `n` run. */
  readonly #speed: (n: number) => number
  readonly #jobs: Job[] = []
  #live = 0
  #progress = 0
  #updatedAt = 0
  #next: Planned | null = null
  /** Milliseconds during which at least one job ran, weighted by the share of the cores in use. */
  busyMs = 0
  readonly #parallel: number

  constructor(timeline: Clock, parallel: number, speed: (n: number) => number) {
    this.#timeline = timeline
    this.#speed = speed
    this.#parallel = parallel
  }

  get size(): number {
    return this.#live
  }

  add(work: number, done: () => void): Job {
    this.#advance()
    const job: Job = { mark: this.#progress + work, done }
    this.#insert(job)
    this.#live++
    this.#plan()
    return job
  }

  cancel(job: Job): void {
    if (job.done === null) return
    this.#advance()
    job.done = null
    this.#live--
    this.#plan()
  }

  /** The speed has changed. */
  refresh(): void {
    this.#advance()
    this.#plan()
  }

  #advance(): void {
    const elapsed = this.#timeline.now - this.#updatedAt
    this.#updatedAt = this.#timeline.now
    if (elapsed === 0 || this.#live === 0) return
    this.busyMs += elapsed * Math.min(1, this.#live / this.#parallel)
    this.#progress += elapsed * this.#speed(this.#live)
  }

  #plan(): void {
    if (this.#next !== null) this.#next.run = null
    this.#next = null
    while (this.#jobs[0] !== undefined && this.#jobs[0].done === null) this.#removeFirst()
    const first = this.#jobs[0]
    const speed = this.#live === 0 ? 0 : this.#speed(this.#live)
    if (first === undefined || speed <= 0) return
    this.#next = this.#timeline.after((first.mark - this.#progress) / speed, () => this.#finish(first))
  }

  #finish(job: Job): void {
    this.#advance()
    const { done } = job
    job.done = null
    this.#live--
    done?.()
    this.#plan()
  }

  #insert(job: Job): void {
    const jobs = this.#jobs
    let i = jobs.push(job) - 1
    while (i > 0) {
      const above = (i - 1) >> 1
      const parent = jobs[above] as Job
      if (parent.mark <= job.mark) break
      jobs[i] = parent
      i = above
    }
    jobs[i] = job
  }

  #removeFirst(): void {
    const jobs = this.#jobs
    const moved = jobs.pop() as Job
    if (jobs.length === 0) return
    let i = 0
    for (let child = 1; child < jobs.length; child = 2 * i + 1) {
      const right = jobs[child + 1]
      if (right !== undefined && right.mark < (jobs[child] as Job).mark) child++
      const smaller = jobs[child] as Job
      if (smaller.mark >= moved.mark) break
      jobs[i] = smaller
      i = child
    }
    jobs[i] = moved
  }
}
