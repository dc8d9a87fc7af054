/**
 * The book of all knobs of one controller: what each stands at, within which bounds, and the ledger of what was changed
 * and why. Every change passes here: pins, bounds and the budget of changes hold for all of them.
 */
import { clamp, finite } from '../model/numbers.ts'
import type { Decisions, Entry, KnobValue, Verdict } from '../types.ts'
import { rulesOf } from './rules-of.ts'
import { isSame } from './same.ts'

/** Most changes of one knob within an hour; those that protect are not held back. */
const CHANGES_PER_HOUR = 20
const HOUR = 3600
/** Entries that are kept. */
export const MOST_ENTRIES = 512

export type Scope = 'upstream' | 'route'

export interface Change {
  readonly scope: Scope
  readonly target: string
  readonly knob: string
  readonly to: KnobValue
  readonly hypothesis: string
  readonly evidence: Readonly<Record<string, number>>
  readonly expected: string
  /** Sheds load or takes back a step: never held back by the budget. */
  readonly protects?: boolean
  readonly verdict?: Verdict
}

export interface Knob {
  readonly scope: Scope
  readonly target: string
  readonly knob: string
  value: KnobValue
  /** Where it began: what is configured, or what suits most upstreams. */
  readonly home: KnobValue
  /** Windows in which it was changed, the last hour's. */
  changedAt: number[]
}

/** Bounds that hold whatever the configuration says. */
export const hardBounds: Readonly<Record<string, readonly [min: number, max: number]>> = {
  maxConcurrency: [1, 256],
  queueMax: [0, 4096],
  queueTimeoutMs: [1, 60_000],
  retryBudgetRatio: [0, 2],
  retryMinPerSec: [0, 10],
  parkMs: [0, 15_000],
  poolMax: [1, 256],
  poolMin: [0, 64],
  attempts: [1, 5],
  backoffBaseMs: [1, 1000],
  backoffMaxMs: [1, 10_000],
  timeoutMs: [100, 3_600_000],
  hedgeDelayMs: [1, 60_000],
  hedgeBudgetRatio: [0, 0.3],
  priority: [0, 9],
  maxShare: [0.1, 1],
  cacheTtlMs: [1000, 600_000],
}

export class Book {
  readonly #knobs: Readonly<Record<Scope, Map<string, Map<string, Knob>>>> = { upstream: new Map(), route: new Map() }
  readonly #all: Knob[] = []
  readonly #rules: unknown
  readonly log: Entry[] = []
  readonly #last: Readonly<Record<Scope, Map<string, { readonly entry: Entry; readonly at: number }>>> = {
    upstream: new Map(),
    route: new Map(),
  }
  /** Counts windows; all holds are in windows. */
  now = 0
  t = 0
  #seq = 0
  #out: Decisions | null = null

  constructor(rules: unknown) {
    this.#rules = rules
  }

  /** Puts a value in place without a word: the start, or what was saved. */
  place(scope: Scope, target: string, knob: string, value: KnobValue): KnobValue {
    const within = this.#within(target, knob, value)
    this.#slot(scope, target, knob, within)
    return within
  }

  #slot(scope: Scope, target: string, knob: string, value: KnobValue): Knob {
    let knobs = this.#knobs[scope].get(target)
    if (knobs === undefined) {
      knobs = new Map()
      this.#knobs[scope].set(target, knobs)
    }
    let slot = knobs.get(knob)
    if (slot === undefined) {
      slot = { scope, target, knob, value, home: value, changedAt: [] }
      knobs.set(knob, slot)
      this.#all.push(slot)
    }
    slot.value = value
    return slot
  }

  value(scope: Scope, target: string, knob: string): KnobValue | undefined {
    return this.slot(scope, target, knob)?.value
  }

  /** The same object for as long as the book lives: whoever reads a knob in every window may keep it. */
  slot(scope: Scope, target: string, knob: string): Readonly<Knob> | undefined {
    return this.#knobs[scope].get(target)?.get(knob)
  }

  number(scope: Scope, target: string, knob: string, otherwise = 0): number {
    return finite(this.value(scope, target, knob), otherwise)
  }

  /** Null = it was not made: pinned, no budget, or the value it has. Otherwise its entry. */
  change(change: Change): Entry | null {
    const { scope, target, knob } = change
    if (this.isPinned(target, knob)) return null
    const known = this.#knobs[scope].get(target)?.get(knob)
    const to = this.#within(target, knob, change.to)
    if (known !== undefined && isSame(known.value, to)) return null
    const changedAt = (known?.changedAt ?? []).filter(at => at > this.now - HOUR)
    if (!change.protects && changedAt.length >= CHANGES_PER_HOUR) return null
    changedAt.push(this.now)
    const from = known?.value
    this.#slot(scope, target, knob, to).changedAt = changedAt.slice(-2 * CHANGES_PER_HOUR)
    this.emit(scope, target, knob, to)
    return this.#record(change, from, to)
  }

  /** Says a value again, without an entry: somebody else has changed it, or may have. */
  emit(scope: Scope, target: string, knob: string, value: KnobValue): void {
    this.#out ??= {}
    const part = scope === 'upstream' ? 'upstreams' : 'routes'
    this.#out[part] ??= {}
    const all = this.#out[part] as Record<string, Record<string, KnobValue>>
    if (Object.hasOwn(all, target)) {
      const known = all[target] as Record<string, KnobValue>
      known[knob] = value
      return
    }
    const knobs = { [knob]: value }
    // `__proto__` is an id like any other.
    Object.defineProperty(all, target, { value: knobs, enumerable: true, configurable: true, writable: true })
  }

  note(change: Change, from: KnobValue | undefined): Entry {
    return this.#record(change, from, change.to)
  }

  takeDecisions(): Decisions | null {
    const out = this.#out
    this.#out = null
    return out
  }

  all(): readonly Knob[] {
    return this.#all
  }

  of(scope: Scope, target: string): Iterable<Knob> {
    return this.#knobs[scope].get(target)?.values() ?? []
  }

  /** The last entry about a target and its window, null without one. */
  lastEntry(scope: Scope, target: string): { readonly entry: Entry; readonly at: number } | null {
    return this.#last[scope].get(target) ?? null
  }

  isPinned(target: string, knob: string): boolean {
    return rulesOf(this.#rules, target, knob).pinned === true
  }

  configured(target: string, knob: string): number | undefined {
    const { configured } = rulesOf(this.#rules, target, knob)
    return typeof configured === 'number' && Number.isFinite(configured) ? configured : undefined
  }

  #within(target: string, knob: string, value: KnobValue): KnobValue {
    if (typeof value !== 'number') return value
    const [hardMin, hardMax] = hardBounds[knob] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    const { min, max } = rulesOf(this.#rules, target, knob)
    // Bounds that lie beyond ours altogether leave one value: the nearest of ours.
    const within = clamp(clamp(value, finite(min, hardMin), finite(max, hardMax)), hardMin, hardMax)
    return Number.isFinite(within) ? within : hardMin
  }

  #record(
    { scope, target, knob, hypothesis, evidence, expected, verdict }: Change,
    from: KnobValue | undefined,
    to: KnobValue,
  ): Entry {
    const seq = ++this.#seq
    const entry: Entry = {
      seq,
      t: this.t,
      scope,
      target,
      knob,
      from,
      to,
      hypothesis,
      evidence,
      expected,
      measured: '',
      verdict: verdict ?? 'set',
    }
    this.log.push(entry)
    this.#last[scope].set(target, { entry, at: this.now })
    if (this.log.length > MOST_ENTRIES) this.log.shift()
    return entry
  }
}
