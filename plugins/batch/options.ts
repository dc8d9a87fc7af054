/**
 * Options of the batch plugin. Times in milliseconds, sizes in bytes.
 */
import { type Static, Type } from 'typebox'

export const batchOptionsSchema = Type.Object(
  {
    batchSize: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'Sub-requests of one call.' }),
    maxConcurrent: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 5,
      description: 'Sub-requests that run at once.',
    }),
    timeoutMs: Type.Integer({
      minimum: 1,
      maximum: 600_000,
      default: 30_000,
      description: 'Time of the whole call; what has not ended by then is told as such.',
    }),
    maxCallBytes: Type.Integer({ minimum: 1, default: 1_048_576, description: 'Largest call, 413 above.' }),
    maxAnswerBytes: Type.Integer({
      minimum: 1,
      default: 8_388_608,
      description: 'Bodies of all answers of a call together; an answer that goes beyond is not told.',
    }),
  },
  { additionalProperties: false },
)

export type BatchOptions = Static<typeof batchOptionsSchema>
