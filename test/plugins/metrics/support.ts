/**
 * Records for the tests of pure parts, and the values of a Prometheus text.
 */
import type { RequestRecord } from '../../../plugins/contract/index.ts'

export function recordOf(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    endedMs: 0,
    requestId: 'r',
    route: 'wiki',
    method: 'GET',
    status: 200,
    outcome: 'ok',
    clientClass: 'lan',
    ms: 10,
    firstByteMs: 5,
    queueMs: 0,
    attempts: 1,
    cache: null,
    encoding: null,
    bytesIn: 0,
    bytesRaw: 1000,
    bytesOut: 1000,
    encodeMs: 0,
    isLongHeld: false,
    ...changes,
  }
}

/** Every sample by its name with labels, as written. */
export function samplesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map(line => {
      const cut = line.lastIndexOf(' ')
      return [line.slice(0, cut), Number(line.slice(cut + 1))]
    }),
  )
}
