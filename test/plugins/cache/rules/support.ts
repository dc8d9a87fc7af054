/** Requests and answers for tables of cases: everything that no case is about has a plain default. */
import { readAnswerFacts } from '../../../../plugins/cache/rules/answer-facts.ts'
import { formatHttpDate } from '../../../../plugins/cache/rules/http-date.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { decideReuse } from '../../../../plugins/cache/rules/reuse.ts'
import { decideStorable, type StoreDecision } from '../../../../plugins/cache/rules/storable.ts'
import { buildStoredHead } from '../../../../plugins/cache/rules/stored-head.ts'
import {
  defaultCacheSettings,
  type RequestHead,
  type RouteCacheSettings,
  type StoredHead,
} from '../../../../plugins/cache/rules/types.ts'
import { conditionalFields } from '../../../../plugins/cache/rules/validation.ts'

export type Line = readonly [name: string, value: string | number]

/** The moment of every exchange, on a whole second. */
export const now = Date.UTC(2026, 10, 22, 12, 0, 0)

const dateNames = new Set(['date', 'expires', 'last-modified', 'if-modified-since'])

/** Flat fields; a number in a date field is seconds from `now`. */
export function flat(lines: readonly Line[]): string[] {
  return lines.flatMap(([name, value]) => {
    const isOffset = typeof value === 'number' && dateNames.has(name.toLowerCase())
    return [name, isOffset ? formatHttpDate(now + Number(value) * 1000) : String(value)]
  })
}

export function request(lines: readonly Line[] = [], head: Partial<RequestHead> = {}): RequestHead {
  return { method: 'GET', host: 'app.test:80', target: '/a', scheme: 'http', headers: flat(lines), ...head }
}

export interface Case {
  readonly request?: RequestHead
  readonly hasRequestBody?: boolean
  readonly status?: number
  readonly answer?: readonly Line[]
  readonly settings?: Partial<RouteCacheSettings>
}

export function settingsOf(settings: Partial<RouteCacheSettings> = {}): RouteCacheSettings {
  return { ...defaultCacheSettings, ...settings }
}

const times = { requestTimeMs: now, responseTimeMs: now }

export function storing(given: Case): StoreDecision {
  const asked = given.request ?? request()
  return decideStorable(
    {
      request: asked,
      requestFacts: readRequestFacts(asked.headers),
      hasRequestBody: given.hasRequestBody ?? false,
      status: given.status ?? 200,
      answerFacts: readAnswerFacts(flat(given.answer ?? []), now),
      times,
    },
    settingsOf(given.settings),
  )
}

/** `stored`, or the word of the refusal. */
export function verdict(given: Case): string {
  const decision = storing(given)
  return decision.store ? 'stored' : decision.reason
}

/** What is kept of an answer, null when it is refused. */
export function stored(given: Case): StoredHead | null {
  const decision = storing(given)
  if (!decision.store) return null
  const headers = flat(given.answer ?? [])
  return buildStoredHead({
    request: given.request ?? request(),
    answer: { status: given.status ?? 200, headers },
    answerFacts: readAnswerFacts(headers, now),
    times,
    decision,
    bodyLength: 36,
  })
}

/** What is kept, where the case is not about whether it is. */
export function kept(answer: readonly Line[], given: Case = {}): StoredHead {
  const head = stored({ ...given, answer })
  if (head === null) throw new Error(`not stored: ${verdict({ ...given, answer })}`)
  return head
}

/**
 * What a second request gets, in the words of the public cache tests: `cached`, `validated` (asked with a validator) or
 * `not_cached`.
 */
export function secondAnswer(given: Case, second: RequestHead = request(), afterSeconds = 3): string {
  const head = stored(given)
  const asked = { method: second.method, hasBody: false, facts: readRequestFacts(second.headers) }
  const { use } = decideReuse(head, asked, settingsOf(given.settings), now + afterSeconds * 1000)
  if (use === 'revalidate' && head !== null && conditionalFields(head).length > 0) return 'validated'
  return use === 'revalidate' || use === 'miss' ? 'not_cached' : use === 'fresh' ? 'cached' : use
}
