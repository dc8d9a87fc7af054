/**
 * The decision on one answer when its head is known, and what it does to that head: for answers of an origin before any
 * of it is sent, for answers of the app itself in onSend.
 */
import type { FastifyRequest } from 'fastify'
import { PLAIN } from '../../cache/index.ts'
import { addNote } from '../../contract/index.ts'
import type { WrittenFacts } from '../facts.ts'
import type { RouteRules } from '../route-rules.ts'
import { hasDirective, readAnswerFields } from '../rules/answer-fields.ts'
import { type AnswerDecision, decideAnswer } from '../rules/decide.ts'
import { type DecodingQuestion, decideDecoding } from '../rules/decide-decoding.ts'
import { addVary, markDecoded, markHead, markNotModified, markPlain } from '../rules/head.ts'
import type { Coding, ContentClass, Decodable, SkipReason } from '../rules/types.ts'

/** An answer as far as its head tells. */
export interface PlannedAnswer {
  readonly status: number
  /** Flat; amended in place. */
  readonly fields: string[]
  contentLength: number | null
  readonly hasTrailers: boolean
}

/** An answer that is to be encoded. */
export interface Plan {
  readonly rules: RouteRules
  readonly coding: Coding
  readonly contentClass: ContentClass
  readonly length: number | null
  /** Vary as it was, in case that nothing turns out to be negotiable; null = it was not there. */
  readonly varyBefore: string | null
  readonly facts: WrittenFacts
}

/** An answer that is to lose the coding it came with; its head says so already. */
export interface DecodingPlan {
  readonly rules: RouteRules
  /** In the order in which they were applied. */
  readonly decode: readonly Decodable[]
  readonly facts: WrittenFacts
}

/** What has been decided, whether it leaves the body alone or not. */
export interface Planned {
  readonly plan: Plan | DecodingPlan | null
  readonly facts: WrittenFacts
  /** Accept-Encoding of the answer, null for none. */
  readonly acceptEncoding: string | null
}

/**
 * Decides and amends `answer`; the body of one with a plan is still to be encoded or decoded.
 * @param isFull no further decoder may start
 */
export function planAnswer(
  request: FastifyRequest,
  answer: PlannedAnswer,
  rules: RouteRules,
  isFull: boolean,
): Planned {
  const { status, contentLength: length, hasTrailers } = answer
  const { headers, method = 'GET' } = request.raw
  // The cache has made this form of the answer, and its head says so; what the origin takes was learned when it came.
  const stored = storedForm(request)
  if (stored !== null && status !== 304) {
    return { plan: null, facts: skipped(request, stored === PLAIN ? 'decoded' : 'stored-form'), acceptEncoding: null }
  }
  const fields = readAnswerFields(answer.fields)
  const { acceptEncoding } = fields
  const accept = headers['accept-encoding'] as string | undefined
  const noTransform = hasDirective(headers['cache-control'] ?? '', 'no-transform')
  const decision = decideAnswer(
    {
      method,
      status,
      fields,
      length,
      hasTrailers,
      request: {
        coding: rules.choose(accept),
        isRange: headers.range !== undefined && (method === 'GET' || method === 'HEAD'),
        noTransform,
      },
    },
    rules,
  )
  if (decision.encode) {
    const varyBefore = joinedLines(answer.fields, 'vary')
    addVary(answer.fields)
    const facts = { encoding: decision.coding, reason: 'encoded' as const, bytesIn: 0, bytesOut: 0, cpuMs: 0 }
    const { coding, contentClass } = decision
    return { plan: { rules, coding, contentClass, length, varyBefore, facts }, facts, acceptEncoding }
  }
  if (decision.reason === 'origin-encoded') {
    const asked = { status, fields, hasTrailers, accept, noTransform, isFull }
    const codings = decodeOrLeave(answer, asked, rules)
    if (codings !== null) {
      const decodedFacts = skipped(request, 'decoded')
      const plan = method === 'HEAD' ? null : { rules, decode: codings, facts: decodedFacts }
      return { plan, facts: decodedFacts, acceptEncoding }
    }
  }
  // A form of the cache has its mark, and so has the tag that is named in place of it.
  if (stored === null) amend(answer, decision, request)
  return { plan: null, facts: skipped(request, decision.reason), acceptEncoding }
}

/** The form in the store that answers, or whose tag a 304 names; null = none, or there is no cache. */
function storedForm({ cachePassage }: { readonly cachePassage?: FastifyRequest['cachePassage'] }): string | null {
  return cachePassage?.coding ?? null
}

/** The codings that the body is to lose, its head amended; null = it stays as it is. */
function decodeOrLeave(answer: PlannedAnswer, asked: DecodingQuestion, rules: RouteRules): readonly Decodable[] | null {
  const decision = decideDecoding(asked, rules.needsPlain)
  if (decision.decode || decision.isNegotiable) addVary(answer.fields)
  if (!decision.decode) return null
  markDecoded(answer.fields)
  answer.contentLength = null
  return decision.codings
}

/** All lines of a field as one; null = there is none. */
function joinedLines(fields: readonly string[], lower: string): string | null {
  let value: string | null = null
  for (let i = 0; i < fields.length; i += 2) {
    if ((fields[i] as string).toLowerCase() === lower)
      value = value === null ? (fields[i + 1] as string) : `${value}, ${fields[i + 1]}`
  }
  return value
}

function skipped(request: FastifyRequest, reason: SkipReason): WrittenFacts {
  addNote(request, { topic: 'compression', reason })
  return { encoding: null, reason, bytesIn: 0, bytesOut: 0, cpuMs: 0 }
}

type Skip = Extract<AnswerDecision, { encode: false }>

function amend(answer: PlannedAnswer, { isNegotiable, coding, reason }: Skip, { raw }: FastifyRequest): void {
  const { fields, status } = answer
  // Who encoded it has named it.
  if (reason === 'origin-encoded') return
  if (status === 304) {
    const ifNoneMatch = raw.headers['if-none-match']
    const accept = raw.headers['accept-encoding'] as string | undefined
    if (markNotModified(fields, { ifNoneMatch, accept })) addVary(fields)
    return
  }
  if (isNegotiable) addVary(fields)
  if (coding === null) return markPlain(fields)
  markHead(fields, coding)
  answer.contentLength = null
}
