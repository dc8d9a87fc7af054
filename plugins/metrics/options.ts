/**
 * Options of the metrics: how long a window of the analysis is, and how much it takes to say something.
 */
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ExchangeEntry, FactsOf } from '../contract/index.ts'

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
    stateDir: Type.Union([Type.String(), Type.Null()], {
      default: null,
      description: 'Folder where the hours of the last seven days outlive a restart; null = they do not.',
    }),
    stateFile: Type.String({
      default: 'hours.json',
      pattern: '^[a-z0-9-]+\\.json$',
      description: 'File in it; another one for each process that shares the folder.',
    }),
    redis: Type.Optional(
      Type.Object(
        { url: Type.String({ description: 'Address of the server, `redis://host:6379/6` or `rediss://…`.' }) },
        { additionalProperties: false, description: 'Lists of requests, encodings and analyses in Redis.' },
      ),
    ),
  },
  { additionalProperties: false },
)

/** Options that are functions, for programs. */
export interface MetricsFunctions {
  /** What the app knows of a request, asked once, when it is over. Left out: what Fastify and Node know. */
  readonly facts?: FactsOf
  /** Route of a request that runs, for the number in flight; null = none yet. Left out: the route's URL. */
  readonly routeOf?: (request: FastifyRequest) => string | null
  /** The address of a request as it is written to Redis. Left out: its target without the query. */
  readonly urlOf?: (entry: ExchangeEntry) => string
  /** Totals since the start that are kept by the hour beside the routes' own numbers. */
  readonly totals?: () => Readonly<Record<string, number>>
  /** Called before signals are read, so that owners can bring gauges up to date. */
  readonly beforeRead?: () => void
}

export type MetricsOptions = Static<typeof metricsOptionsSchema>
