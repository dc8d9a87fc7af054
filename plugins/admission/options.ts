/**
 * Options of the admission plugin: what holds for each group of origins, by its name, and for those that are not named.
 * Times in milliseconds.
 */
import { type Static, Type } from 'typebox'
import { AUTO_MIN } from './rules/auto-limit.ts'
import { PRIORITY_CLASSES } from './rules/rank.ts'

export const QUEUE_ORDERS = ['fifo', 'newest_first', 'adaptive'] as const

const rate = (description: string) =>
  Type.Union([Type.Integer({ minimum: 1024 }), Type.Null()], { default: null, description })

export const laneOptionsSchema = Type.Object(
  {
    maxConcurrency: Type.Union(
      [Type.Integer({ minimum: 1, maximum: 65_535 }), Type.Literal('auto'), Type.Literal('none')],
      {
        default: 'auto',
        description:
          'Requests that run at once at the origins: a number, `auto` (found by measuring, or by a tuner) or `none`.',
      },
    ),
    maxLimit: Type.Integer({
      minimum: AUTO_MIN,
      maximum: 65_535,
      default: 100,
      description: 'Highest limit that `auto` may find; more than there are connections makes no sense.',
    }),
    queue: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 256,
      description: 'Requests that may wait for a place; 503 beyond.',
    }),
    queueTimeoutMs: Type.Integer({
      minimum: 1,
      maximum: 600_000,
      default: 10_000,
      description: 'Longest wait for a place; 503 after it, or at once where the wait would be longer.',
    }),
    queueOrder: Type.Enum([...QUEUE_ORDERS], {
      default: 'adaptive',
      description: 'Which of the waiting requests of a client goes first: adaptive = the newest while overloaded.',
    }),
    waitGoalMs: Type.Integer({
      minimum: 1,
      maximum: 600_000,
      default: 300,
      description: 'Longest wait while more comes than the origins can answer.',
    }),
    priority: Type.Enum([...PRIORITY_CLASSES], {
      default: 'interactive',
      description: 'Who goes first when requests wait for the same origins.',
    }),
    bandwidth: Type.Object(
      {
        perClient: rate('Bytes per second of answers to one client, over all of its connections; null = no limit.'),
        perRoute: rate('Bytes per second of answers of this group to all clients; null = no limit.'),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false, default: {} },
)

export const admissionOptionsSchema = Type.Object(
  {
    defaults: laneOptionsSchema,
    uplink: rate(
      'Bytes per second of the line to the outside, shared by the classes of the groups; null = not stated.',
    ),
    upstreams: Type.Record(Type.String(), laneOptionsSchema, {
      default: {},
      description: 'Options of groups of origins, by the name in `app.upstream`; others take `defaults`.',
    }),
  },
  { additionalProperties: false },
)

export type LaneOptions = Static<typeof laneOptionsSchema>
export type AdmissionOptions = Static<typeof admissionOptionsSchema>
