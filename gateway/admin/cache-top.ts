/**
 * Which addresses the cache was asked for most, among the last requests.
 */
import { redactUrl } from '../../plugins/access-log/index.ts'
import type { RecentRequest } from '../../plugins/metrics/index.ts'

/** Addresses that are told. */
const MAX_TOP = 20

/** `bytes` = of the answers that the cache gave. */
export interface TopAddress {
  readonly url: string
  readonly route: string
  readonly requests: number
  readonly hits: number
  readonly bytes: number
}

type Counted = { -readonly [key in keyof TopAddress]: TopAddress[key] }

/** The most asked for first; requests that the cache had no part in do not count. */
export function topAddresses(recent: readonly RecentRequest[], isHit: (cache: string) => boolean): TopAddress[] {
  const counted = new Map<string, Counted>()
  for (const { entry } of recent) {
    const { cache, route, bytesRaw } = entry
    if (cache === null || route === null || cache === 'bypass') continue
    const url = redactUrl(entry.host + entry.url, entry.redaction)
    const known = counted.get(url) ?? { url, route, requests: 0, hits: 0, bytes: 0 }
    counted.set(url, known)
    known.requests++
    if (!isHit(cache)) continue
    known.hits++
    known.bytes += bytesRaw ?? 0
  }
  return [...counted.values()].toSorted((a, b) => b.hits - a.hits || b.requests - a.requests).slice(0, MAX_TOP)
}
