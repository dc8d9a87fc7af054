/**
 * How busy the process and the machine are, sampled on a timer and compared on the request.
 */
import { availableParallelism } from 'node:os'
import { LoopDelayReader } from '../../contract/index.ts'
import type { Load } from '../rules/choose-level.ts'

const SAMPLE_MS = 500

export class LoadWatch implements Load {
  cpuShare = 0
  highRunning = 0
  readonly #cores = availableParallelism()
  readonly #delay = new LoopDelayReader()
  readonly #timer: NodeJS.Timeout
  #lastCpu = process.cpuUsage()
  #lastMs = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref()
  }

  get loopDelayMs(): number {
    return this.#delay.recentMs
  }

  /** Encoders of high levels, one a core. */
  get isHighFull(): boolean {
    return this.highRunning >= this.#cores
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delay.close()
  }

  /** Of this process: what others use is not known without asking the machine for it. */
  #sample(): void {
    const now = performance.now()
    const { user, system } = process.cpuUsage(this.#lastCpu)
    this.cpuShare = Math.min(1, (user + system) / 1000 / ((now - this.#lastMs) * this.#cores))
    this.#lastCpu = process.cpuUsage()
    this.#lastMs = now
  }
}
