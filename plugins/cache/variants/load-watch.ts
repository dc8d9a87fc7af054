/**
 * Watches, while somebody waits for it, whether the process has time to spare: sampled on a timer, so that nothing is
 * measured for a request.
 */
import { availableParallelism } from 'node:os'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { isIdle, type LoadSample } from './decide-coded.ts'

export const SAMPLE_MS = 100
/** Samples in a row that have to be idle. */
const IDLE_SAMPLES = 2
const CORES = availableParallelism()

export class LoadWatch {
  #timer: NodeJS.Timeout | null = null
  #loop: EventLoopUtilization = performance.eventLoopUtilization()
  #cpu = process.cpuUsage()
  #atMs = 0
  #idleSamples = 0
  /** An encoder of ours has a core for itself: what it takes keeps nobody waiting. */
  isWorking = false
  readonly #onSample: () => void

  /** Called after each sample. */
  constructor(onSample: () => void) {
    this.#onSample = onSample
  }

  get isIdle(): boolean {
    return this.#idleSamples >= IDLE_SAMPLES
  }

  start(): void {
    if (this.#timer !== null) return
    this.#begin()
    this.#idleSamples = 0
    this.#timer = setInterval(() => this.#look(), SAMPLE_MS).unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #look(): void {
    this.#idleSamples = isIdle(this.#sample()) ? this.#idleSamples + 1 : 0
    this.#begin()
    this.#onSample()
  }

  #sample(): LoadSample {
    const tookMs = Math.max(1, performance.now() - this.#atMs)
    const cpu = process.cpuUsage(this.#cpu)
    return {
      lateMs: tookMs - SAMPLE_MS,
      loopShare: performance.eventLoopUtilization(this.#loop).utilization,
      cpuShare: (cpu.user + cpu.system) / 1000 / tookMs / CORES - (this.isWorking ? 1 / CORES : 0),
    }
  }

  #begin(): void {
    this.#loop = performance.eventLoopUtilization()
    this.#cpu = process.cpuUsage()
    this.#atMs = performance.now()
  }
}
