/**
 * An app behind the gateway: a number of workers with a backlog, cores that they share, and a knee beyond which each
 * further request slows all others.
 */
import type { AttemptOutcome } from '../../plugins/tuner/types.ts'
import type { Random } from './random.ts'
import { type Job, SharedServer } from './shared-server.ts'
import type { Clock } from './timeline.ts'
import { type UpstreamWorld, valueAt } from './world.ts'

const REFUSAL_MS = 1
const FAST_FAILURE_MS = 5
const FULL_MS = 2

/** One request at the app. */
export interface Visit {
  readonly work: number
  readonly fails: boolean
  readonly holds: boolean
  job: Job | null
  /** Called at most once; null once nobody waits. */
  ended: ((kind: AttemptOutcome) => void) | null
}

export class AppModel {
  readonly #timeline: Clock
  readonly #world: UpstreamWorld
  readonly #random: Random
  readonly #cpu: SharedServer
  readonly #backlog: Visit[] = []
  readonly #running = new Set<Visit>()
  #isCrashed = false

  constructor(world: UpstreamWorld, timeline: Clock, random: Random) {
    this.#world = world
    this.#timeline = timeline
    this.#random = random
    const { cores, alpha } = world
    const knee = world.knee === 'unlimited' ? Number.POSITIVE_INFINITY : world.knee
    this.#cpu = new SharedServer(timeline, cores, n => {
      const crowding = n > knee ? 1 + alpha * (n - knee) : 1
      return (Math.min(1, cores / n) / crowding) * valueAt(world.capacity, timeline.now / 1000, 1)
    })
    for (const [from] of world.capacity ?? []) timeline.after(from * 1000, () => this.#cpu.refresh())
    for (const [from, down] of world.down ?? []) if (down === 1) timeline.after(from * 1000, () => this.#failAll())
  }

  /** An attempt arrives. */
  visit(visit: Visit): void {
    const seconds = this.#timeline.now / 1000
    if (this.#isCrashed || valueAt(this.#world.down, seconds, 0) === 1)
      return this.#answer(visit, 'connect', REFUSAL_MS)
    const fails = this.#random.next() < valueAt(this.#world.fast503, seconds, 0)
    if (fails) return this.#answer(visit, '5xx', FAST_FAILURE_MS)
    if (visit.holds) return this.#hold(visit)
    const { workers } = this.#world
    if (workers === 'unlimited' || this.#running.size < workers) this.#start(visit)
    else if (this.#backlog.length < this.#world.backlog) this.#backlog.push(visit)
    else this.#answer(visit, '5xx', FULL_MS)
  }

  /** Nobody waits any more; most apps go on working all the same. */
  leave(visit: Visit): void {
    visit.ended = null
    if (!this.#world.honoursCancel) return
    const waiting = this.#backlog.indexOf(visit)
    if (waiting >= 0) this.#backlog.splice(waiting, 1)
    else if (this.#running.delete(visit)) {
      if (visit.job !== null) this.#cpu.cancel(visit.job)
      this.#startNext()
    }
  }

  #start(visit: Visit): void {
    this.#running.add(visit)
    visit.job = this.#cpu.add(visit.work, () => {
      this.#running.delete(visit)
      this.#startNext()
      visit.ended?.(visit.fails ? '5xx' : 'ok')
    })
    const { crash } = this.#world
    if (crash !== undefined && this.#running.size > crash.above) this.#crash(crash.downS)
  }

  #startNext(): void {
    const next = this.#backlog.shift()
    if (next !== undefined) this.#start(next)
  }

  #hold(visit: Visit): void {
    this.#timeline.after(visit.work, () => visit.ended?.('ok'))
  }

  #crash(downS: number): void {
    this.#isCrashed = true
    this.#timeline.after(downS * 1000, () => {
      this.#isCrashed = false
    })
    this.#failAll()
  }

  #failAll(): void {
    const all = [...this.#running, ...this.#backlog]
    this.#running.clear()
    this.#backlog.length = 0
    for (const visit of all) {
      if (visit.job !== null) this.#cpu.cancel(visit.job)
      this.#answer(visit, 'timeout', 0)
    }
  }

  #answer(visit: Visit, kind: AttemptOutcome, ms: number): void {
    this.#timeline.after(ms, () => visit.ended?.(kind))
  }
}
