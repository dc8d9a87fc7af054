/** Cache-Status of requests that went on to the origin (RFC 9211). */
import { CACHE_NAME } from '../names.ts'
import type { Passage } from '../passage.ts'
import { type ForwardReason, formatCacheStatus, forwardReason } from '../rules/cache-status.ts'
import type { ReuseReason } from '../rules/reuse.ts'
import type { FillReader } from './fill-reader.ts'
import type { ForwardNotes } from './fill-surroundings.ts'

export function forwardLine({ passage, isLeader }: FillReader, notes: ForwardNotes): string {
  const { forwardStatus, stored, detail } = notes
  return formatCacheStatus(CACHE_NAME, {
    forward: reasonOf(passage),
    ...(forwardStatus == null ? {} : { forwardStatus }),
    ...(stored === true ? { stored } : {}),
    ...(isLeader ? {} : { collapsed: true }),
    ...(detail === undefined ? {} : { detail }),
  })
}

/** Lines for answers that are not kept, by why the request went on and why they are not: words, and few. */
export class UnkeptLines {
  readonly #known = new Map<ForwardReason, Map<string | null, string>>()

  of(passage: Passage, detail: string | null): string {
    const forward = reasonOf(passage)
    const lines = this.#known.get(forward) ?? new Map<string | null, string>()
    this.#known.set(forward, lines)
    const line = lines.get(detail) ?? formatCacheStatus(CACHE_NAME, detail === null ? { forward } : { forward, detail })
    lines.set(detail, line)
    return line
  }
}

function reasonOf({ reason, hasVariants }: Passage): ForwardReason {
  return reason === 'unsafe' ? 'method' : forwardReason(reason as ReuseReason, hasVariants)
}
