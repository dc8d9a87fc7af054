/**
 * The client's head of an answer whose origin says what it said before: the pools give out the same array for the same head
 * (plugins/upstream/h1/head-memory.ts), so that the rules of the route are applied once (bench: small).
 */
import { type AnswerHead, type AnswerHeadFacts, answerHead } from './answer-head.ts'

/** Stands where each request has its own; no field of an origin holds a line feed. */
const REQUEST_ID = '\nid'

interface Known {
  readonly rawHeaders: readonly string[]
  readonly rules: AnswerHeadFacts['rules']
  readonly status: number
  /** Made when it comes again for the first time: most do not. */
  template: Template | null
}

interface Template {
  readonly head: AnswerHead
  /** -1 where a rule has taken the line away. */
  readonly requestIdAt: number
}

let last: Known | null = null

/** As `answerHead`, whose fields are the caller's own. */
export function clientHead(rawHeaders: readonly string[], facts: AnswerHeadFacts): AnswerHead {
  const { requestId, status, rules } = facts
  if (last === null || last.rawHeaders !== rawHeaders || last.rules !== rules || last.status !== status) {
    last = { rawHeaders, rules, status, template: null }
    return answerHead(rawHeaders, facts)
  }
  last.template ??= makeTemplate(rawHeaders, { requestId: REQUEST_ID, status, rules })
  const { head, requestIdAt } = last.template
  const fields = head.fields.slice()
  if (requestIdAt !== -1) fields[requestIdAt] = requestId
  return { fields, contentLength: head.contentLength, trailer: head.trailer }
}

function makeTemplate(rawHeaders: readonly string[], facts: AnswerHeadFacts): Template {
  const head = answerHead(rawHeaders, facts)
  return { head, requestIdAt: head.fields.indexOf(REQUEST_ID) }
}
