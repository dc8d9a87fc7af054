/**
 * Signals: the numbers that plugins publish. Owners count; whoever reads (metrics, the tuner, the admin API) knows no
 * plugin by name. Every label value comes from configuration or from a closed set, never from the wire, and the number
 * of children of one signal is bounded by `MAX_SERIES`.
 */

/** Most label combinations one signal keeps; the next one is counted on a child whose labels all read `other`. */
export const MAX_SERIES = 4096

export type SignalKind = 'counter' | 'gauge' | 'histogram'

/** What a signal is: `name` without prefix in base units (`upstream_connect_seconds`), `help` one sentence. */
export interface SignalSpec {
  readonly name: string
  readonly help: string
  readonly kind: SignalKind
  readonly labels: readonly string[]
}

/** A number with one set of label values. Counters only grow; `add` on a gauge may be negative. */
export interface SignalValue {
  value: number
  add(amount: number): void
  set(value: number): void
}

/** Observations in seconds or bytes. */
export interface Observed {
  count: number
  sum: number
  max: number
  /** Upper bounds of the buckets, ascending; one more bucket holds what is above the last. */
  readonly bounds: readonly number[]
  /** How many fell into each bucket, one more than there are bounds. */
  readonly buckets: readonly number[]
  observe(value: number): void
}

/** Buckets of histograms in seconds: from a store in memory to a slow app. */
export const SECONDS_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const
/** Buckets of histograms in bytes: from an icon to a film. */
export const BYTES_BOUNDS = [
  256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456,
] as const
/** Buckets of histograms of any other unit: shares, counts. */
export const PLAIN_BOUNDS = [0.1, 0.25, 0.5, 0.75, 0.9, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000] as const

/** By the base unit that a name ends with. */
function boundsFor(name: string): readonly number[] {
  if (name.endsWith('_seconds')) return SECONDS_BOUNDS
  return name.endsWith('_bytes') ? BYTES_BOUNDS : PLAIN_BOUNDS
}

export interface Series<T> {
  readonly labels: readonly string[]
  readonly point: T
}

class Point implements SignalValue {
  value = 0
  add(amount: number): void {
    this.value += amount
  }
  set(value: number): void {
    this.value = value
  }
}

class ObservedPoint implements Observed {
  count = 0
  sum = 0
  max = 0
  readonly bounds: readonly number[]
  readonly buckets: number[]

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.buckets = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    this.count++
    this.sum += value
    if (value > this.max) this.max = value
    // Most observations are small: a walk from the front beats halving here.
    let i = 0
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++
    this.buckets[i] = (this.buckets[i] as number) + 1
  }
}

/** A signal with its children, one for each set of label values. */
export class Signal<T> {
  readonly spec: SignalSpec
  readonly #children = new Map<string, Series<T>>()
  readonly #create: () => T

  constructor(spec: SignalSpec, create: () => T) {
    this.spec = spec
    this.#create = create
  }

  /** The child for these label values, made on first use. Resolve it once and keep it: the lookup joins strings. */
  with(...labels: string[]): T {
    const key = labels.join('\u0000')
    const known = this.#children.get(key)
    if (known) return known.point
    if (this.#children.size >= MAX_SERIES && labels.some(label => label !== 'other'))
      return this.with(...this.spec.labels.map(() => 'other'))
    const point = this.#create()
    this.#children.set(key, { labels, point })
    return point
  }

  /** Forgets the child, for a route or an origin that a reload has removed. */
  drop(...labels: string[]): void {
    this.#children.delete(labels.join('\u0000'))
  }

  series(): Iterable<Series<T>> {
    return this.#children.values()
  }
}

/** The signals of one app. Defining a name twice gives the same signal, so that plugins need no order. */
export class Signals {
  readonly #counters = new Map<string, Signal<SignalValue>>()
  readonly #histograms = new Map<string, Signal<Observed>>()

  counter(name: string, help: string, ...labels: string[]): Signal<SignalValue> {
    return this.#number({ name, help, kind: 'counter', labels })
  }

  gauge(name: string, help: string, ...labels: string[]): Signal<SignalValue> {
    return this.#number({ name, help, kind: 'gauge', labels })
  }

  histogram(name: string, help: string, ...labels: string[]): Signal<Observed> {
    const known = this.#histograms.get(name)
    if (known) return known
    const bounds = boundsFor(name)
    const signal = new Signal<Observed>({ name, help, kind: 'histogram', labels }, () => new ObservedPoint(bounds))
    this.#histograms.set(name, signal)
    return signal
  }

  numbers(): Iterable<Signal<SignalValue>> {
    return this.#counters.values()
  }

  histograms(): Iterable<Signal<Observed>> {
    return this.#histograms.values()
  }

  #number(spec: SignalSpec): Signal<SignalValue> {
    const known = this.#counters.get(spec.name)
    if (known) return known
    const signal = new Signal<SignalValue>(spec, () => new Point())
    this.#counters.set(spec.name, signal)
    return signal
  }
}
