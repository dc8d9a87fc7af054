/**
 * Which tunable carries which knob of the controller, and how a value is said in each. A tunable that nobody has declared
 * is skipped; so is a value that a tunable cannot carry.
 */
import type { Coding, CodingByClass, KnobValue } from '../types.ts'

/** The names of knobs in the configuration. */
export const KNOB_GROUPS = [
  'concurrency',
  'queue',
  'retries',
  'parking',
  'hedge',
  'compression',
  'pool',
  'timeout',
  'cache_ttl',
] as const
export type KnobGroup = (typeof KNOB_GROUPS)[number]

/**
 * These are only suggested unless somebody asks for more: a mistake shows late, or to few. The delay of hedges is found
 * anew by the retry plugin with every fifty answers; a value set from outside ends that.
 */
export const riskyGroups: ReadonlySet<KnobGroup> = new Set(['hedge', 'pool', 'timeout', 'cache_ttl'])

export interface KnobLink {
  readonly group: KnobGroup
  readonly scope: 'upstream' | 'route'
  readonly knob: string
  /** Name of the tunable. */
  readonly name: string
  /** Null = this value leaves the tunable alone. */
  toTunable(value: KnobValue, configured: number): number | null
  /** What the controller is told; undefined = nothing. */
  fromTunable(value: number): KnobValue | undefined
}

const asNumber = (value: KnobValue): number | null => (typeof value === 'number' ? value : null)

function plain(group: KnobGroup, scope: 'upstream' | 'route', knob: string, name: string): KnobLink {
  return { group, scope, knob, name, toTunable: asNumber, fromTunable: value => value }
}

/** `admission.queue_order`: the newest first while overloaded, decided request by request. */
const ADAPTIVE = 2
/** Levels of other encoders that cost about as much as brotli's. */
const gzipFor = [1, 1, 2, 4, 5, 6, 7, 8, 9, 9, 9, 9]
const zstdFor = [1, 1, 2, 3, 4, 6, 8, 9, 11, 13, 16, 19]

function level(name: string, read: (coding: Coding) => number | null): KnobLink {
  return {
    group: 'compression',
    scope: 'route',
    knob: 'compression',
    name,
    toTunable: value => {
      if (typeof value !== 'object' || value === null) return null
      const coding = codingToUse(value)
      return coding.algo === 'identity' ? null : read(coding)
    },
    fromTunable: () => undefined,
  }
}

/** The level is one for all clients: those far away gain most by it. */
function codingToUse(value: Coding | CodingByClass): Coding {
  if (!('byClass' in value)) return value
  return value.byClass['wan'] ?? value.byClass['lan'] ?? value.default
}

const brotliOf = ({ algo, level }: Coding): number => (algo === 'gzip' ? Math.max(0, level - 2) : level)

export const knobLinks: readonly KnobLink[] = [
  plain('concurrency', 'upstream', 'maxConcurrency', 'admission.max_concurrency'),
  plain('queue', 'upstream', 'queueMax', 'admission.queue'),
  plain('queue', 'route', 'queueTimeoutMs', 'admission.queue_timeout'),
  {
    group: 'queue',
    scope: 'upstream',
    knob: 'queueOrder',
    name: 'admission.queue_order',
    toTunable: (value, configured) => (value === 'lifo' ? ADAPTIVE : configured),
    fromTunable: () => undefined,
  },
  plain('retries', 'route', 'attempts', 'retry.attempts'),
  plain('retries', 'upstream', 'retryBudgetRatio', 'retry.budget_ratio'),
  plain('retries', 'upstream', 'retryMinPerSec', 'retry.budget_floor'),
  plain('retries', 'route', 'backoffBaseMs', 'retry.backoff_base'),
  plain('parking', 'upstream', 'parkMs', 'retry.hold'),
  {
    group: 'hedge',
    scope: 'route',
    knob: 'hedgeDelayMs',
    name: 'retry.hedge_delay',
    toTunable: value => (value === null ? 0 : asNumber(value)),
    fromTunable: value => (value === 0 ? null : value),
  },
  level('compression.brotli_level', brotliOf),
  level('compression.gzip_level', coding => gzipFor[brotliOf(coding)] ?? null),
  level('compression.zstd_level', coding => zstdFor[brotliOf(coding)] ?? null),
  plain('pool', 'upstream', 'poolMax', 'upstream.max_size'),
  plain('pool', 'upstream', 'poolMin', 'upstream.min_size'),
  plain('timeout', 'route', 'timeoutMs', 'upstream.head_timeout'),
  plain('cache_ttl', 'route', 'cacheTtlMs', 'cache.heuristic_ttl'),
]
