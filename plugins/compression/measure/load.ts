/**
 * How busy the process and the machine are, sampled on a timer and compared on the request.
 */
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Load } from '../rules/choose-level.ts'

const SAMPLE_MS = 500
/** Resolution of the delay's histogram: what it shows beyond this is delay. */
const RESOLUTION_MS = 10

export class LoadWatch implements Load {
  loopDelayMs = 0
  cpuShare = 0
  highRunning = 0
  readonly #cores = availableParallelism()
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  #lastCpu = process.cpuUsage()
  #lastMs = performance.now()

  constructor() {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref()
  }

  /** Encoders of high levels, one a core. */
  get isHighFull(): boolean {
    return this.highRunning >= this.#cores
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }

  /** Of this process: what others use is not known without asking the machine for it. */
  #sample(): void {
    const now = performance.now()
    const { user, system } = process.cpuUsage(this.#lastCpu)
    this.cpuShare = Math.min(1, (user + system) / 1000 / ((now - this.#lastMs) * this.#cores))
    this.#lastCpu = process.cpuUsage()
    this.#lastMs = now
    this.loopDelayMs = Math.max(0, this.#delay.percentile(90) / 1e6 - RESOLUTION_MS)
    this.#delay.reset()
  }
}
