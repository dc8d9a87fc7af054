/** Cases that are missed for a reason that is known; every other miss, and any other way to miss them, fails the run. */
import type { UpstreamClient } from './lab.ts'

interface ExplainedMiss {
  readonly case: string
  /** How the text of the miss begins; another text is another miss. */
  readonly miss: string
  /** Only with this client towards the origins; absent = with both. */
  readonly client?: UpstreamClient
  readonly why: string
}

const explained: readonly ExplainedMiss[] = [
  {
    case: 'h2-crlf-in-value',
    miss: 'no stream error',
    why: 'the nghttp2 of Node drops a field with a forbidden value before anybody sees it; nothing of it goes upstream',
  },
  {
    case: 'interim-unasked-100',
    miss: 'answered 502',
    client: 'undici',
    why: 'undici ends a connection on which an unasked 100 comes',
  },
]

/** Why this miss is accepted, or null. */
export function explainMiss(name: string, text: string, client: UpstreamClient): string | null {
  const found = explained.find(
    one => one.case === name && text.startsWith(one.miss) && (one.client === undefined || one.client === client),
  )
  return found?.why ?? null
}
