/**
 * The waiting room of one upstream: slots, one queue a route, priority, shares, deadlines, newest or oldest first; the
 * bucket that pays for retries and hedges; requests parked while connections are refused.
 */
import type { RouteSettings, UpstreamSettings } from './settings.ts'
import type { Planned, Timeline } from './timeline.ts'

/** Often enough to see the app come back soon, seldom enough not to disturb its start. */
const PROBE_MS = 250
/** Seconds of the floor that an unused bucket may save up. */
const BUCKET_S = 10

export interface Waiting {
  readonly route: string
  readonly sinceMs: number
  start(): void
  giveUp(): void
  state: 'waiting' | 'started' | 'over'
  deadline: Planned | null
}

export interface Parked {
  replay(): void
  expire(): void
  deadline: Planned | null
  isOver: boolean
}

export class AdmissionModel {
  readonly #timeline: Timeline
  readonly settings: UpstreamSettings
  readonly #routes: Readonly<Record<string, RouteSettings>>
  readonly #queues = new Map<string, Waiting[]>()
  readonly #runningByRoute = new Map<string, number>()
  running = 0
  queued = 0
  #tokens = 10
  #tokensAt = 0
  #parked: Parked[] = []
  #isProbing = false

  constructor(timeline: Timeline, settings: UpstreamSettings, routes: Readonly<Record<string, RouteSettings>>) {
    this.#timeline = timeline
    this.settings = settings
    this.#routes = routes
  }

  /** Starts it at once, lets it wait, or gives it up. */
  enter(entry: Waiting): void {
    if (this.#mayStart(entry.route) && this.#queueOf(entry.route).length === 0) return this.#start(entry)
    if (this.queued >= this.settings.queueMax) return this.#shed(entry)
    this.#queueOf(entry.route).push(entry)
    this.queued++
    const timeout = Math.min(this.settings.queueTimeoutMs, this.#routes[entry.route]?.queueTimeoutMs ?? Infinity)
    if (Number.isFinite(timeout)) {
      entry.deadline = this.#timeline.after(timeout, () => {
        if (entry.state === 'waiting') this.#shed(entry, true)
      })
    }
  }

  /** The client has gone. */
  abandon(entry: Waiting): void {
    if (entry.state === 'waiting') this.#shed(entry, true)
  }

  /** A slot for a hedge, only where nobody waits. */
  tryTake(route: string): boolean {
    if (this.queued > 0 || !this.#mayStart(route)) return false
    this.#count(route, 1)
    return true
  }

  release(route: string): void {
    this.#count(route, -1)
    this.admit()
  }

  admit(): void {
    for (let next = this.#choose(); next !== null; next = this.#choose()) {
      this.queued--
      this.#start(next)
    }
  }

  earn(): void {
    this.#refill()
    this.#tokens = Math.min(this.#most(), this.#tokens + this.settings.retryBudgetRatio)
  }

  pay(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    if (Number.isFinite(this.#tokens)) this.#tokens -= 1
    return true
  }

  get isParking(): boolean {
    return this.#parked.length > 0
  }

  park(parked: Parked, ms: number): void {
    this.#parked.push(parked)
    parked.deadline = this.#timeline.after(ms, () => {
      if (parked.isOver) return
      parked.isOver = true
      this.#parked = this.#parked.filter(other => other !== parked)
      parked.expire()
    })
    if (!this.#isProbing) this.#planProbe()
  }

  /** A connection was made: everybody may try. */
  connected(): void {
    const all = this.#parked
    if (all.length === 0) return
    this.#parked = []
    for (const parked of all) this.#replay(parked)
  }

  #planProbe(): void {
    this.#isProbing = true
    this.#timeline.after(PROBE_MS, () => {
      this.#isProbing = false
      const first = this.#parked.shift()
      if (first === undefined) return
      this.#replay(first)
      if (this.#parked.length > 0 && !this.#isProbing) this.#planProbe()
    })
  }

  #replay(parked: Parked): void {
    if (parked.isOver) return
    parked.isOver = true
    if (parked.deadline !== null) parked.deadline.run = null
    parked.replay()
  }

  #refill(): void {
    const elapsed = (this.#timeline.now - this.#tokensAt) / 1000
    this.#tokensAt = this.#timeline.now
    if (elapsed > 0) this.#tokens = Math.min(this.#most(), this.#tokens + elapsed * this.settings.retryMinPerSec)
  }

  #most(): number {
    return Math.max(10, this.settings.retryMinPerSec * BUCKET_S, 100 * this.settings.retryBudgetRatio)
  }

  #start(entry: Waiting): void {
    entry.state = 'started'
    if (entry.deadline !== null) entry.deadline.run = null
    this.#count(entry.route, 1)
    entry.start()
  }

  #shed(entry: Waiting, isQueued = false): void {
    entry.state = 'over'
    if (entry.deadline !== null) entry.deadline.run = null
    if (isQueued) this.queued--
    entry.giveUp()
  }

  #count(route: string, change: number): void {
    if (this.#routes[route]?.exempt) return
    this.running += change
    this.#runningByRoute.set(route, (this.#runningByRoute.get(route) ?? 0) + change)
  }

  #mayStart(route: string): boolean {
    const settings = this.#routes[route]
    if (settings?.exempt) return true
    const limit = this.settings.maxConcurrency
    if (this.running >= limit) return false
    const share = settings?.maxShare ?? 1
    return share >= 1 || (this.#runningByRoute.get(route) ?? 0) < Math.max(1, Math.ceil(share * limit))
  }

  #choose(): Waiting | null {
    let best: Waiting | null = null
    let bestQueue: Waiting[] | null = null
    let bestPriority = 0
    const isNewest = this.settings.queueOrder === 'lifo'
    for (const [route, queue] of this.#queues) {
      drop(queue, isNewest)
      const head = isNewest ? queue.at(-1) : queue[0]
      if (head === undefined || !this.#mayStart(route)) continue
      const priority = this.#routes[route]?.priority ?? 0
      const isEarlier = best === null || head.sinceMs < best.sinceMs !== isNewest
      if (best !== null && priority < bestPriority) continue
      if (best !== null && priority === bestPriority && !isEarlier) continue
      best = head
      bestQueue = queue
      bestPriority = priority
    }
    if (best !== null) {
      if (isNewest) bestQueue?.pop()
      else bestQueue?.shift()
    }
    return best
  }

  #queueOf(route: string): Waiting[] {
    let queue = this.#queues.get(route)
    if (queue === undefined) {
      queue = []
      this.#queues.set(route, queue)
    }
    drop(queue, this.settings.queueOrder === 'lifo')
    return queue
  }
}

/** Takes off the end that is served next what is already over; sweeps all of it when most of it is. */
function drop(queue: Waiting[], isNewest: boolean): void {
  while (queue.length > 0 && (isNewest ? queue.at(-1) : queue[0])?.state === 'over') {
    if (isNewest) queue.pop()
    else queue.shift()
  }
  if (queue.length < 512 || queue[0]?.state !== 'over' || queue.at(-1)?.state !== 'waiting') return
  const live = queue.filter(({ state }) => state === 'waiting')
  if (live.length < queue.length / 2) {
    queue.length = 0
    queue.push(...live)
  }
}
