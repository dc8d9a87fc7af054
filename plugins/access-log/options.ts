/**
 * Options of the access log: its form and the share of requests that it tells of.
 */
import { type Static, Type } from 'typebox'
import type { FactsOf } from '../contract/index.ts'
import type { Destination } from './destination.ts'

export const accessLogOptionsSchema = Type.Object(
  {
    access: Type.Union([Type.Literal('json'), Type.Literal('combined'), Type.Literal('none')], {
      default: 'json',
      description:
        'Form of the access log on stderr: `json` (pino), `combined` (as Apache and nginx write it), `none`.',
    }),
    sample: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 1,
      description: 'Share of requests that are logged. Statuses from 400 and requests that went wrong always are.',
    }),
  },
  { additionalProperties: false },
)

export type AccessLogSettings = Readonly<Static<typeof accessLogOptionsSchema>>

/** Options that are no text: for programs, not for configuration files. */
export interface AccessLogParts {
  /** What the app knows of a request; asked once, when it is over. Left out: what Fastify and Node know. */
  readonly facts?: FactsOf
  /** Settings that may change while the app runs, in place of `access` and `sample`; asked for each request. */
  readonly settings?: () => AccessLogSettings
  /** Takes whole lines with their line break. Default: stderr, buffered for up to a second and bounded. */
  readonly destination?: Destination
  /** Where chance comes from: from 0 to below 1. */
  readonly random?: () => number
}

export type AccessLogOptions = Partial<AccessLogSettings> & AccessLogParts
