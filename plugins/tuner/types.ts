/**
 * What goes into the controller and what comes out of it: plain numbers, so that a window can be recorded, replayed and
 * made by a simulator. Everything but the ids may be missing or not a number; times in milliseconds, sizes in bytes.
 */

/** When a request is worth everything and from when on nothing; linear in between. */
export interface Goal {
  readonly goodMs: number
  readonly badMs: number
}

export interface RouteMeta {
  readonly id: string
  readonly upstream: string
  /** False = a request that may have been sent is never sent again. */
  readonly idempotent?: boolean
  readonly slo?: Goal
  /** Worth of a request beside those of other routes; 1 by default. */
  readonly weight?: number
  /** `json`, `html`, `jpeg` or a media type. */
  readonly contentType?: string
}

/** Everything that holds for the life of a controller; nothing about the inside of an upstream. */
export interface ControllerMeta {
  readonly windowMs?: number
  readonly gateway?: { readonly cores?: number }
  readonly clients?: readonly string[]
  readonly upstreams: readonly { readonly id: string }[]
  readonly routes: readonly RouteMeta[]
  /** `KnobRules` by target and knob, also under `upstreams` and `routes`, or by knob for all targets; anything else is ignored. */
  readonly knobs?: unknown
}

/** Bounds of one knob, and whether somebody has taken it out of the controller's hands. */
export interface KnobRules {
  readonly min?: number
  readonly max?: number
  readonly configured?: number
  readonly pinned?: boolean
}

export type AttemptOutcome = 'ok' | '5xx' | 'connect' | 'timeout'

export interface AttemptSample {
  readonly t?: number
  readonly route: string
  readonly upstream: string
  readonly ms: number
  readonly kind: AttemptOutcome
  /** Attempts that ran at the upstream when this one began, itself included. */
  readonly inflight?: number
  /** 1 for the first attempt of a request. */
  readonly try?: number
  readonly hedge?: boolean
}

export interface RequestSample {
  readonly t?: number
  readonly route: string
  readonly cls?: string
  readonly ok: boolean
  readonly kind?: string
  readonly ms: number
  readonly queueMs?: number
  readonly tries?: number
  readonly bytes?: number
}

type Numbers<Names extends string> = { readonly [name in Names]?: number }

export interface UpstreamWindow
  extends Numbers<
    | 'arrivals'
    | 'attempts'
    | 'ok'
    | 'err5xx'
    | 'connectErr'
    | 'timeouts'
    | 'shed'
    | 'inflightAvg'
    | 'inflightMax'
    | 'inflightNow'
    | 'queueAvg'
    | 'queueMax'
    | 'queueNow'
    | 'limitedFrac'
    | 'latP50'
    | 'latP90'
    | 'latP95'
    | 'latMin'
    | 'latMean'
    | 'waitedForSocket'
    | 'foundAtFirst'
    | 'aloneAtFirstMs'
  > {}

/** Sums over the window; `cpuMs` is wall time, `cpuWork` time on the CPU. */
export interface ClassWindow extends Numbers<'n' | 'raw' | 'bytesOut' | 'transferMs' | 'ttlb' | 'cpuMs' | 'cpuWork'> {}

export interface RouteWindow
  extends Numbers<
    | 'arrivals'
    | 'ok'
    | 'fail'
    | 'shed'
    | 'retries'
    | 'retryOk'
    | 'hedges'
    | 'hedgeWins'
    | 'ttlbMean'
    | 'ttlbP50'
    | 'ttlbP95'
    | 'upP50'
    | 'upP95'
    | 'upP99'
    | 'queueP95'
    | 'bytesRaw'
    | 'bytesOut'
    | 'compressMs'
    | 'compressCount'
    | 'utility'
    | 'revalidated'
    | 'changed'
  > {
  readonly byClass?: { readonly [cls: string]: ClassWindow }
}

/** One second of a gateway's life. */
export interface TunerWindow {
  readonly t: number
  readonly windowMs?: number
  readonly gateway?: { readonly cpuUtil?: number }
  readonly upstreams?: { readonly [id: string]: UpstreamWindow }
  readonly routes?: { readonly [id: string]: RouteWindow }
  /** At most `MAX_SAMPLES`; what is beyond is not read. */
  readonly attempts?: readonly AttemptSample[]
  readonly requests?: readonly RequestSample[]
  /** The knobs that are in force, in the form of `Decisions`; null or missing = unknown. */
  readonly knobs?: unknown
}

/** Most attempts and most requests of one window that are read. */
export const MAX_SAMPLES = 1000

export interface Coding {
  readonly algo: string
  readonly level: number
}

export interface CodingByClass {
  readonly byClass: { readonly [cls: string]: Coding }
  readonly default: Coding
}

export interface UpstreamKnobs {
  maxConcurrency?: number
  queueMax?: number
  queueTimeoutMs?: number
  queueOrder?: 'fifo' | 'lifo'
  /** Retries allowed per first attempt. */
  retryBudgetRatio?: number
  retryMinPerSec?: number
  /** How long a request that was not sent waits for a refusing upstream. */
  parkMs?: number
  /** Most connections to an origin; the pool's own limit. */
  poolMax?: number
  /** Connections that are kept open. */
  poolMin?: number
}

export interface RouteKnobs {
  /** In all, the first included. */
  attempts?: number
  backoffBaseMs?: number
  backoffMaxMs?: number
  jitter?: boolean
  retryOn5xx?: boolean
  timeoutMs?: number
  queueTimeoutMs?: number
  hedgeDelayMs?: number | null
  hedgeBudgetRatio?: number
  compression?: Coding | CodingByClass
  /** Higher goes first. */
  priority?: number
  /** Most of the upstream's slots, 0 to 1. */
  maxShare?: number
  /** Not counted by the limit: it holds its slot for as long as somebody listens. */
  exempt?: boolean
  /** Lifetime of answers that carry none. */
  cacheTtlMs?: number
}

/** Any subset; what is missing stays as it is. */
export interface Decisions {
  upstreams?: { [id: string]: UpstreamKnobs }
  routes?: { [id: string]: RouteKnobs }
}

export type Verdict = 'set' | 'pending' | 'kept' | 'undone' | 'rolled back'

/** One line of the ledger. Numbers come with the counts they were taken from. */
export interface Entry {
  readonly seq: number
  /** `t` of the window. */
  readonly t: number
  readonly scope: 'upstream' | 'route'
  readonly target: string
  readonly knob: string
  readonly from: KnobValue | undefined
  readonly to: KnobValue | undefined
  /** In plain words. */
  readonly hypothesis: string
  readonly evidence: { readonly [name: string]: number }
  readonly expected: string
  measured: string
  verdict: Verdict
}

export type KnobValue = number | string | boolean | null | Coding | CodingByClass

export interface Controller {
  /** What to start from; the same each time. */
  initial(): Decisions
  /** Null = leave everything as it is. */
  observe(window: TunerWindow): Decisions | null
  /** The last decisions, oldest first. */
  readonly log: readonly Entry[]
  /** All knobs of an upstream and its routes, or of all, go back to where they last stood for a good minute. */
  rollback(upstream?: string): Decisions | null
  /** Where a knob is believed to stand. */
  value(scope: 'upstream' | 'route', target: string, knob: string): KnobValue | undefined
  /** Plain data for `createController(meta, saved)`. */
  save(): unknown
}
