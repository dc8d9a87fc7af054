/** What goes wrong when spans are asked for. */
import createError from '@fastify/error'

export const TracingMissingError = createError(
  'HG_TRACING_MISSING',
  'spans need the package @opentelemetry/api: npm install @opentelemetry/api',
  500,
)
