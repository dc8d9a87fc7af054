/** Ids of requests: what a client sees on an answer is what the log calls it. */
import { randomBytes } from 'node:crypto'

/** Different in every process, so that ids of two runs do not meet in a log. */
const idPrefix = randomBytes(6).toString('hex')
let idCount = 0

/** An id of our own: cheaper than a UUID and as good for finding a request in logs. */
export function newRequestId(): string {
  return `${idPrefix}-${(++idCount).toString(36)}`
}
