/**
 * How late the event loop of this process runs, by how late a timer comes: one timer for all who ask. While the process is
 * idle it comes seldom, and what blocks for less than that may go unseen: to look all the time would be most of what an idle
 * home gateway does.
 */
import { createHistogram, type EventLoopUtilization, performance } from 'node:perf_hooks'

const BUSY_MS = 20
const IDLE_MS = 100
/** How often it is decided whether the loop is idle. */
const REVIEW_MS = 500
/** Below this share of its time at work, 10 ms of half a second, it is. */
const IDLE_SHARE = 0.02
const NS_PER_MS = 1e6

class LoopDelay {
  readonly #readers = new Set<LoopDelayReader>()
  readonly #recent = createHistogram()
  #timer: NodeJS.Timeout | null = null
  #everyMs = IDLE_MS
  #dueMs = 0
  #reviewMs = 0
  #loop: EventLoopUtilization = performance.eventLoopUtilization()
  /** 90th percentile of the last half second. */
  recentMs = 0

  join(reader: LoopDelayReader): void {
    this.#readers.add(reader)
    if (this.#timer === null) this.#restart(performance.now(), IDLE_MS)
  }

  leave(reader: LoopDelayReader): void {
    this.#readers.delete(reader)
    if (this.#readers.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #onTimer(): void {
    const nowMs = performance.now()
    // Histograms take whole numbers from 1 on.
    const lateNs = Math.max(1, Math.round((nowMs - this.#dueMs) * NS_PER_MS))
    this.#recent.record(lateNs)
    for (const { histogram } of this.#readers) histogram.record(lateNs)
    this.#dueMs = nowMs + this.#everyMs
    if (nowMs >= this.#reviewMs) this.#review(nowMs)
  }

  #review(nowMs: number): void {
    this.recentMs = this.#recent.percentile(90) / NS_PER_MS
    this.#recent.reset()
    const loop = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop)
    this.#loop = loop
    this.#reviewMs = nowMs + REVIEW_MS
    const everyMs = utilization < IDLE_SHARE ? IDLE_MS : BUSY_MS
    if (everyMs !== this.#everyMs) this.#restart(nowMs, everyMs)
  }

  #restart(nowMs: number, everyMs: number): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#everyMs = everyMs
    this.#dueMs = nowMs + everyMs
    this.#timer = setInterval(() => this.#onTimer(), everyMs).unref()
  }
}

const ofProcess = new LoopDelay()

/** One who asks, with a memory of his own. Times in milliseconds. */
export class LoopDelayReader {
  /** What was seen since the last `reset`, in nanoseconds. */
  readonly histogram = createHistogram()

  constructor() {
    ofProcess.join(this)
  }

  /** 90th percentile of the last half second. */
  get recentMs(): number {
    return ofProcess.recentMs
  }

  /** Since the last `reset`; 0 where nothing was seen. */
  percentileMs(percent: number): number {
    return this.histogram.percentile(percent) / NS_PER_MS
  }

  get maxMs(): number {
    return this.histogram.max / NS_PER_MS
  }

  reset(): void {
    this.histogram.reset()
  }

  /** The last one who leaves ends the measure. */
  close(): void {
    ofProcess.leave(this)
  }
}
