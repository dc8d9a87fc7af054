/**
 * Which answers to a request would be stored, found by asking the cache's own rule: first with the best answer there can
 * be, then with answers that differ from it in one way each. So `explain` cannot tell another story than the cache.
 */
import { readAnswerFacts } from '../../plugins/cache/rules/answer-facts.ts'
import type { RequestFacts } from '../../plugins/cache/rules/request-facts.ts'
import { decideStorable, type StoreRefusal } from '../../plugins/cache/rules/storable.ts'
import type { RequestHead, RouteCacheSettings } from '../../plugins/cache/rules/types.ts'

export interface StoreQuestion {
  readonly request: RequestHead
  readonly facts: RequestFacts
  readonly hasBody: boolean
  readonly settings: RouteCacheSettings
}

interface Answer {
  readonly status: number
  /** By lower-case name; null = the answer does not have it. */
  readonly fields: Readonly<Record<string, string | null>>
}

/** Any moment will do: the rules compare times with each other only. */
const NOW_MS = Date.UTC(2030, 0, 1)

const bestFields: Answer['fields'] = {
  date: new Date(NOW_MS).toUTCString(),
  'cache-control': 'public, max-age=3600',
  etag: '"1"',
  'content-type': 'application/octet-stream',
  'content-length': '1',
}

/** Ways in which an answer can fall short, the commonest first. */
function variations({ settings }: StoreQuestion): Answer[] {
  const ok = (fields: Answer['fields']): Answer => ({ status: 200, fields })
  return [
    ok({ 'cache-control': 'public', etag: null }),
    ok({ 'cache-control': null }),
    ok({ 'cache-control': 'max-age=3600' }),
    ok({ 'cache-control': 'private, max-age=3600' }),
    ok({ 'cache-control': 'no-store' }),
    ok({ 'set-cookie': 'a=1' }),
    ok({ vary: '*' }),
    ok({ vary: 'cookie' }),
    ok({ vary: 'authorization' }),
    ok({ vary: 'x-forwarded-for' }),
    ok({ 'content-type': 'text/event-stream' }),
    ok({ 'content-type': 'text/html' }),
    ok({ 'content-length': String(settings.maxObjectBytes + 1) }),
    { status: 206, fields: { 'content-range': 'bytes 0-0/2' } },
    { status: 404, fields: { 'cache-control': 'public' } },
    { status: 429, fields: {} },
  ]
}

/** Why no answer to this request is stored, whatever it says; null where the answer decides. */
export function refusalOfRequest(question: StoreQuestion): StoreRefusal | null {
  return refusalOf(question, { status: 200, fields: {} })
}

/** What would keep an answer out of the store; each word once. */
export function refusalsOfAnswers(question: StoreQuestion): StoreRefusal[] {
  const found = variations(question).map(answer => refusalOf(question, answer))
  return [...new Set(found.filter(reason => reason !== null))]
}

function refusalOf(
  { request, facts, hasBody, settings }: StoreQuestion,
  { status, fields }: Answer,
): StoreRefusal | null {
  const all = { ...bestFields, 'content-location': request.target, ...fields }
  const headers = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [name, value]))
  const exchange = {
    request,
    requestFacts: facts,
    hasRequestBody: hasBody,
    status,
    answerFacts: readAnswerFacts(headers, NOW_MS),
    times: { requestTimeMs: NOW_MS, responseTimeMs: NOW_MS },
  }
  const decision = decideStorable(exchange, settings)
  return decision.store ? null : decision.reason
}
