/**
 * What the process itself says: memory, CPU, and how late its event loop runs. Read when somebody asks.
 */
import { LoopDelayReader, type Signals, type SignalValue } from '../../contract/index.ts'

export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class ProcessSignals {
  readonly #delay = new LoopDelayReader()
  readonly #gauges: Readonly<Record<'rss' | 'heap' | 'external' | 'p50' | 'p99' | 'max' | 'started', SignalValue>>
  readonly #cpu: SignalValue

  constructor(signals: Signals) {
    const gauge = (name: string, help: string): SignalValue => signals.gauge(name, help).with()
    this.#gauges = {
      rss: gauge('process_resident_memory_bytes', 'Memory of the process in RAM.'),
      heap: gauge('process_heap_used_bytes', 'JavaScript heap in use.'),
      external: gauge('process_external_memory_bytes', 'Memory of buffers outside the heap.'),
      p50: gauge('event_loop_p50_delay_seconds', 'Median delay of the event loop since the scrape before.'),
      p99: gauge('event_loop_p99_delay_seconds', 'Delay of the event loop that 1 % of its turns exceed.'),
      max: gauge('event_loop_max_delay_seconds', 'Longest delay of the event loop since the scrape before.'),
      started: gauge('process_start_time_seconds', 'Start of the process, in seconds since 1970.'),
    }
    this.#gauges.started.set(Math.round(Date.now() / 1000 - process.uptime()))
    this.#cpu = signals.counter('process_cpu_seconds_total', 'CPU time of the process, user and system.').with()
  }

  /** Since the last call of `sample`. */
  get loopDelay(): LoopDelay {
    const delay = this.#delay
    return { p50Ms: delay.percentileMs(50), p99Ms: delay.percentileMs(99), maxMs: delay.maxMs }
  }

  /** Brings the signals up to date. */
  sample(): void {
    const { rss, heapUsed, external } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const { p50Ms, p99Ms, maxMs } = this.loopDelay
    this.#gauges.rss.set(rss)
    this.#gauges.heap.set(heapUsed)
    this.#gauges.external.set(external)
    this.#gauges.p50.set(p50Ms / 1000)
    this.#gauges.p99.set(p99Ms / 1000)
    this.#gauges.max.set(maxMs / 1000)
    this.#cpu.set((user + system) / 1e6)
    this.#delay.reset()
  }

  close(): void {
    this.#delay.close()
  }
}
