/**
 * Requests that wait for an origin which refuses connections: held outside every limit, looked after by one probe for
 * all of them, let go bit by bit when it listens again.
 */
import type { UpstreamFailure } from '../upstream/index.ts'
import { nextProbeMs } from './rules/decide-park.ts'

/** Requests let go at once when the origin is back, and how often as many again, doubled, up to the last number. */
const FIRST_RELEASE = 8
const RELEASE_MS = 10
const MAX_RELEASE = 64

export interface Parked {
  /** The origin takes connections again. */
  onReachable(): void
  /** The bound of the wait is reached. */
  onExpired(failure: UpstreamFailure): void
}

export interface ParkingEvents {
  /** Opens a connection to any of the origins and keeps it; never rejects. */
  reach(): Promise<boolean>
  onChange(isAway: boolean, parked: number): void
}

export class Parking {
  readonly #events: ParkingEvents
  readonly #line = new Map<Parked, number>()
  #failure: UpstreamFailure | null = null
  #sinceMs = 0
  #timer: NodeJS.Timeout | null = null
  #isProbing = false
  #isClosed = false

  constructor(events: ParkingEvents) {
    this.#events = events
  }

  get size(): number {
    return this.#line.size
  }

  /** What the origins failed with; null while they are not known to be away. */
  get outage(): UpstreamFailure | null {
    return this.#failure
  }

  /** `performance.now()` when the outage began. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /** A request found every origin away. */
  noteAway(failure: UpstreamFailure, nowMs: number): void {
    if (this.#isClosed) return
    const isNew = this.#failure === null
    this.#failure = failure
    if (!isNew) return
    this.#sinceMs = nowMs
    this.#told()
    this.#schedule(nowMs)
  }

  /** An origin has answered. */
  noteReached(): void {
    if (this.#failure === null) return
    this.#failure = null
    this.#told()
    this.#release(FIRST_RELEASE)
  }

  add(parked: Parked, untilMs: number): void {
    this.#line.set(parked, untilMs)
    this.#told()
    // The next look may be far off, since nobody had waited.
    if (this.#line.size === 1 && this.#failure !== null) this.#schedule(performance.now())
  }

  delete(parked: Parked): void {
    if (this.#line.delete(parked)) this.#told()
  }

  /** A changed bound, for those who wait already. */
  moveLimits(byMs: number): void {
    for (const [parked, untilMs] of this.#line) this.#line.set(parked, untilMs + byMs)
  }

  /** Nobody looks after the origin any more: those who wait try once more, and are told what they find. */
  close(): void {
    this.#isClosed = true
    this.#setTimer(0, null)
    for (const parked of this.#line.keys()) {
      this.#line.delete(parked)
      parked.onReachable()
    }
  }

  #schedule(nowMs: number): void {
    this.#setTimer(nextProbeMs(nowMs - this.#sinceMs, this.#line.size > 0), () => this.#look())
  }

  /** One probe at a time: where a host is silent it takes long, and nobody waits beyond his bound for it. */
  #look(): void {
    const now = performance.now()
    this.#expire(now)
    if (!this.#isProbing) void this.#probe()
    this.#schedule(now)
  }

  async #probe(): Promise<void> {
    this.#isProbing = true
    const isReached = await this.#events.reach()
    this.#isProbing = false
    if (isReached && !this.#isClosed) this.noteReached()
  }

  #expire(nowMs: number): void {
    const failure = this.#failure
    if (failure === null) return
    for (const [parked, untilMs] of this.#line) {
      if (untilMs > nowMs) continue
      this.#line.delete(parked)
      parked.onExpired(failure)
    }
    this.#told()
  }

  #release(count: number): void {
    let left = count
    for (const parked of this.#line.keys()) {
      if (left-- === 0) break
      this.#line.delete(parked)
      parked.onReachable()
    }
    this.#told()
    // One of them may have found it away again.
    if (this.#failure !== null || this.#isClosed) return
    if (this.#line.size === 0) return this.#setTimer(0, null)
    this.#setTimer(RELEASE_MS, () => this.#release(Math.min(count * 2, MAX_RELEASE)))
  }

  #told(): void {
    this.#events.onChange(this.#failure !== null, this.#line.size)
  }

  #setTimer(ms: number, action: (() => void) | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = action === null ? null : setTimeout(action, ms).unref()
  }
}
