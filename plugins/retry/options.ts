/**
 * Options of the retry plugin: what holds for every upstream that says nothing else. Times in milliseconds.
 */
import { type Static, Type } from 'typebox'
import { resolveOptions } from '../contract/index.ts'

const MAX_TIMER_MS = 2 ** 31 - 1

const time = (byDefault: number, description: string, minimum = 0) =>
  Type.Integer({ minimum, maximum: MAX_TIMER_MS, default: byDefault, description })

/** Where hedging finds its delay by itself. */
export const AUTO_HEDGE = 'auto'

const policy = {
  attempts: Type.Integer({
    minimum: 1,
    maximum: 10,
    default: 3,
    description: 'Attempts in all that reach an origin; 1 = never again.',
  }),
  methods: Type.Array(Type.String({ minLength: 1 }), {
    default: ['GET', 'HEAD', 'OPTIONS'],
    description: 'Methods that may be sent again after they were sent.',
  }),
  statuses: Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), {
    default: [502, 503, 504],
    description: 'Answers that are followed by another attempt.',
  }),
  tooManyRequests: Type.Boolean({ default: false, description: 'Also 429, where it comes with Retry-After.' }),
  idempotencyKey: Type.Boolean({
    default: false,
    description: 'Any method, where the request carries an Idempotency-Key.',
  }),
  budgetRatio: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.2,
    description: 'Most further attempts at once, as a share of the running requests.',
  }),
  budgetFloor: Type.Number({
    minimum: 0,
    maximum: 1000,
    default: 5,
    description: 'Further attempts a second beside that share; unused ones gather for ten seconds.',
  }),
  backoffBaseMs: time(50, 'Width of the first window that a wait is drawn from; each further one is twice as wide.', 1),
  backoffMaxMs: time(1_000, 'Widest window.', 1),
  deadlineMs: time(10_000, 'No attempt begins later than this after the request came.'),
  holdMs: time(8_000, 'How long after an outage began unsent requests wait for a refusing origin; 0 = they do not.'),
  maxHeld: Type.Integer({ minimum: 0, maximum: 65535, default: 1024, description: 'Requests that may wait so.' }),
  replayBytes: Type.Integer({
    minimum: 0,
    maximum: 16 * 1024 ** 2,
    default: 65_536,
    description: 'Longest body that is kept to be sent again; a longer one only flows.',
  }),
  hedge: Type.Union([Type.Literal('off'), Type.Literal(AUTO_HEDGE), Type.Integer({ minimum: 1, maximum: 60_000 })], {
    default: AUTO_HEDGE,
    description: 'Second attempt of a slow GET: off, auto (where there are several origins), or after this time.',
  }),
}

export const retryOptionsSchema = Type.Object(
  {
    ...policy,
    upstreams: Type.Record(Type.String(), Type.Union([Type.Literal(false), Type.Partial(Type.Object(policy))]), {
      default: {},
      description: 'What differs for one upstream, by name; false = off.',
    }),
  },
  { additionalProperties: false },
)

/** What holds where nothing else is said. */
export function defaultPolicy(): RetryPolicy {
  const { upstreams: _, ...shared } = resolveOptions('retry', retryOptionsSchema, {})
  return shared
}

export type RetryOptions = Static<typeof retryOptionsSchema>
/** What holds for one upstream. */
export type RetryPolicy = Omit<RetryOptions, 'upstreams'>
