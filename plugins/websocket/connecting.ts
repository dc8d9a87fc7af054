/**
 * Connects for a client that may leave in the meantime: whoever gives up first, no connection is left behind.
 */
import type { Duplex } from 'node:stream'
import { ignoreError } from './socket-end.ts'

/**
 * The connection, or the signal's reason as an error as soon as it aborts; a connection that comes later is destroyed.
 * @throws whatever `connect` throws, or the reason of the signal.
 */
export function connectUnlessAborted(
  connect: (signal: AbortSignal) => Promise<Duplex>,
  signal: AbortSignal,
): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  connect(signal).then(upstream => {
    upstream.on('error', ignoreError)
    signal.removeEventListener('abort', onAbort)
    if (signal.aborted) upstream.destroy()
    else resolve(upstream)
  }, reject)
  return promise
}
