/**
 * Options of the metrics: how long a window of the analysis is, and how much it takes to say something.
 */
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { FactsOf } from '../contract/index.ts'

export const metricsOptionsSchema = Type.Object(
  {
    intervalMs: Type.Integer({
      minimum: 1000,
      maximum: 86_400_000,
      default: 300_000,
      description: 'Time between two analyses, which is also the window that each looks at.',
    }),
    minSamples: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 20,
      description: 'Fewest requests of a route in a window from which rates and times are told.',
    }),
  },
  { additionalProperties: false },
)

/** Options that are functions, for programs. */
export interface MetricsFunctions {
  /** What the app knows of a request, asked once, when it is over. Left out: what Fastify and Node know. */
  readonly facts?: FactsOf
  /** Route of a request that runs, for the number in flight; null = none yet. Left out: the route's URL. */
  readonly routeOf?: (request: FastifyRequest) => string | null
  /** Called before signals are read, so that owners can bring gauges up to date. */
  readonly beforeRead?: () => void
}

export type MetricsOptions = Static<typeof metricsOptionsSchema>
