/**
 * The rules of the first sketch, kept so that the difference can be shown. They look every five minutes at the last 1000
 * requests, and several have the wrong sign: slow answers open more connections, large answers raise every level, failures
 * add attempts, and nothing ever comes down but the pool.
 */
import { finite, listOf } from './model/numbers.ts'
import type { Controller, ControllerMeta, Decisions, Entry, KnobValue, RequestSample, TunerWindow } from './types.ts'

const MOST_SAMPLES = 1000
const POOL = { start: 100, min: 10, max: 200, up: 10, down: 5 }
const SLOW_MS = 1000
const QUICK_MS = 100
const LARGE_BYTES = 1_000_000
const FAILING = 0.1
const MOST_LEVEL = 9
const MOST_ATTEMPTS = 5
const MOST_ENTRIES = 512

export function createRulesPolicy(meta: ControllerMeta, intervalMs = 300_000): Controller {
  return new RulesPolicy(meta, intervalMs)
}

class RulesPolicy implements Controller {
  readonly #meta: ControllerMeta
  readonly #intervalMs: number
  readonly #samples: RequestSample[] = []
  readonly log: Entry[] = []
  #pool = POOL.start
  #level = MOST_LEVEL
  #attempts = 3
  #since = 0
  #seq = 0

  constructor(meta: ControllerMeta, intervalMs: number) {
    this.#meta = meta
    this.#intervalMs = intervalMs
  }

  initial(): Decisions {
    return this.#decisions()
  }

  value(scope: 'upstream' | 'route', _target: string, knob: string): KnobValue | undefined {
    if (scope === 'upstream') return knob === 'maxConcurrency' || knob === 'poolMax' ? this.#pool : undefined
    if (knob === 'attempts') return this.#attempts
    return knob === 'compression' ? { algo: 'br', level: this.#level } : undefined
  }

  rollback(): Decisions | null {
    return null
  }

  save(): unknown {
    return null
  }

  observe(window: TunerWindow): Decisions | null {
    for (const request of listOf(window.requests)) this.#samples.push(request)
    if (this.#samples.length > MOST_SAMPLES) this.#samples.splice(0, this.#samples.length - MOST_SAMPLES)
    this.#since += finite(window.windowMs, 1000)
    if (this.#since < this.#intervalMs || this.#samples.length === 0) return null
    this.#since = 0
    return this.#apply(window.t)
  }

  #apply(t: number): Decisions {
    const count = this.#samples.length
    const mean = (read: (request: RequestSample) => number) =>
      this.#samples.reduce((sum, request) => sum + read(request), 0) / count
    const ms = mean(request => finite(request.ms))
    const bytes = mean(request => finite(request.bytes))
    const failing = mean(({ ok }) => (ok ? 0 : 1))
    if (ms > SLOW_MS) this.#set(t, 'maxConcurrency', this.#pool, Math.min(POOL.max, this.#pool + POOL.up), ms)
    else if (ms < QUICK_MS) this.#set(t, 'maxConcurrency', this.#pool, Math.max(POOL.min, this.#pool - POOL.down), ms)
    if (bytes > LARGE_BYTES) this.#set(t, 'compression', this.#level, Math.min(MOST_LEVEL, this.#level + 1), bytes)
    if (failing > FAILING)
      this.#set(t, 'attempts', this.#attempts, Math.min(MOST_ATTEMPTS, this.#attempts + 1), failing)
    return this.#decisions()
  }

  #set(t: number, knob: 'maxConcurrency' | 'compression' | 'attempts', from: number, to: number, mean: number): void {
    if (from === to) return
    if (knob === 'maxConcurrency') this.#pool = to
    else if (knob === 'compression') this.#level = to
    else this.#attempts = to
    const words = {
      scope: 'upstream' as const,
      target: '*',
      hypothesis: 'a threshold of the first sketch',
      expected: '',
    }
    const evidence = { mean, samples: this.#samples.length }
    this.log.push({ ...words, seq: ++this.#seq, t, knob, from, to, evidence, measured: '', verdict: 'set' })
    if (this.log.length > MOST_ENTRIES) this.log.shift()
  }

  #decisions(): Decisions {
    const upstream = { maxConcurrency: this.#pool, poolMax: this.#pool }
    const route = {
      attempts: this.#attempts,
      backoffBaseMs: 1000,
      backoffMaxMs: 10_000,
      jitter: false,
      compression: { algo: 'br', level: this.#level },
    }
    return {
      upstreams: Object.fromEntries(this.#meta.upstreams.map(({ id }) => [id, { ...upstream }])),
      routes: Object.fromEntries(this.#meta.routes.map(({ id }) => [id, { ...route }])),
    }
  }
}
