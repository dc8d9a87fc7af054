/**
 * What parts a multipart answer (RFC 9110 §14.6, RFC 2046 §5.1.1): new for each, so that nobody who wrote the content can
 * have put it there.
 */
import { randomBytes } from 'node:crypto'

const RANDOM_BYTES = 15

export function newBoundary(): string {
  return `hearthgate${randomBytes(RANDOM_BYTES).toString('hex')}`
}
