/**
 * The client's head of an answer whose origin says what it said before: the pools give out the same array for the same head
 * (plugins/upstream/h1/head-memory.ts), so that the rules are applied once and the text is put together once (bench: small).
 */
import { type AnswerHead, type AnswerHeadFacts, answerHead } from './answer-head.ts'
import { RepeatedHead } from './whole-head.ts'

/** Stands where each request has its own; no field of an origin holds a line feed. */
const REQUEST_ID = '\nid'

export interface ClientHead extends AnswerHead {
  /** For an answer that goes out with these fields and its length; null = not made, or not worth it. */
  readonly repeated: RepeatedHead | null
}

interface Known {
  readonly rawHeaders: readonly string[]
  readonly rules: AnswerHeadFacts['rules']
  readonly status: number
  /** Made when it comes again for the first time: most do not. */
  made: Made | null
}

interface Made {
  readonly head: AnswerHead
  /** -1 where a rule has taken the line away. */
  readonly requestIdAt: number
  readonly repeated: RepeatedHead
}

let last: Known | null = null

export function clientHead(rawHeaders: readonly string[], reason: string, facts: AnswerHeadFacts): ClientHead {
  const { requestId, status, rules } = facts
  if (last === null || last.rawHeaders !== rawHeaders || last.rules !== rules || last.status !== status) {
    last = { rawHeaders, rules, status, made: null }
    return { ...answerHead(rawHeaders, facts), repeated: null }
  }
  last.made ??= make(rawHeaders, reason, { requestId: REQUEST_ID, status, rules })
  const { head, requestIdAt, repeated } = last.made
  const fields = head.fields.slice()
  if (requestIdAt !== -1) fields[requestIdAt] = requestId
  return { fields, contentLength: head.contentLength, trailer: head.trailer, repeated }
}

function make(rawHeaders: readonly string[], reason: string, facts: AnswerHeadFacts): Made {
  const head = answerHead(rawHeaders, facts)
  const { fields, contentLength } = head
  const requestIdAt = fields.indexOf(REQUEST_ID)
  const length = contentLength !== null && facts.status !== 204 ? ['Content-Length', String(contentLength)] : []
  const places = requestIdAt === -1 ? [] : [requestIdAt]
  return {
    head,
    requestIdAt,
    repeated: new RepeatedHead({ status: facts.status, reason }, [...fields, ...length], places),
  }
}
