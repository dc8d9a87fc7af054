/** Options of the spans. */
import { type Static, Type } from 'typebox'

export const tracingOptionsSchema = Type.Object(
  {
    attach: Type.Boolean({
      default: true,
      description: 'Begin a span with each request; false = the app calls `app.tracing.begin` itself.',
    }),
  },
  { additionalProperties: false },
)

export type TracingOptions = Static<typeof tracingOptionsSchema>
