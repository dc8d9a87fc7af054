/** What `explain` cannot be asked. */
import createError from '@fastify/error'

/** The URL or a header cannot be sent at all, so there is no request to explain. The admin API answers 400. */
export const ExplainError = createError<[string]>('HG_EXPLAIN', '%s', 400)
