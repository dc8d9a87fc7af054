/**
 * undici, loaded by the first who needs it. Its 110 modules cost a start about 23 ms (by a profile), and a gateway whose
 * origins speak HTTP/1.1 on our own client never uses them.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** At once, as the callers are no promises. */
export function undici(): typeof import('undici') {
  return require('undici')
}
