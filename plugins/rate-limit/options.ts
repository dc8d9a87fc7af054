/** How many requests of a client are answered in a time. Times in milliseconds. */
import { type Static, Type } from 'typebox'

export const rateLimitOptionsSchema = Type.Object(
  {
    name: Type.String({
      default: 'all',
      description: 'Limits of one name count together, also those of other servers.',
    }),
    requests: Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      default: 1_000,
      description: 'Requests in a window.',
    }),
    windowMs: Type.Integer({
      minimum: 1_000,
      maximum: 24 * 3_600_000,
      default: 60_000,
      description: 'Length of the window, which begins with the first request.',
    }),
    by: Type.Union([Type.Literal('client'), Type.Literal('route')], {
      default: 'client',
      description: 'Who is counted: each client by itself, or all together.',
    }),
  },
  { additionalProperties: false },
)

/** A limit as requests are counted against it. */
export type RateLimit = Readonly<Static<typeof rateLimitOptionsSchema>>
