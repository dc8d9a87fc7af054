/**
 * An answer whose head is the same for many requests, sent straight to the raw reply: by the rules of every other answer,
 * which are applied once and not for each request (bench: hit, 304).
 */
import type { FastifyReply } from 'fastify'
import { deferToTurnEnd, type TurnEndTask } from '../contract/index.ts'
import { type AnswerRules, answerHead } from './answer-head.ts'
import type { ProxyCall } from './call.ts'
import { addFrameworkFields, isHttp2, type WrittenHead, wholeHeadFor, writeHead } from './client-socket.ts'
import { codingOf } from './event-streams.ts'
import { LiveFacts } from './live-facts.ts'
import type { AnswerSurroundings } from './proxied-answer.ts'
import { type AnswerFacts, decideWayOut } from './way-out.ts'
import { RepeatedHead } from './whole-head.ts'
import type { WholeResponse } from './whole-response.ts'

/** What stands in a prepared head for what each request has of its own; no field of an origin holds a line feed. */
const AGE = '\nage'
const STATUS = '\nstatus'
const REQUEST_ID = '\nid'

export interface PreparedHead {
  readonly status: number
  readonly rules: AnswerRules
  /** For those who may change the answer. */
  readonly facts: Pick<AnswerFacts, 'method' | 'status' | 'contentLength'>
  readonly encoding: string | null
  /** Flat, as it goes out, with Content-Length where there is one. */
  readonly template: readonly string[]
  /** Where in it the lines of one request stand; -1 where a rule has taken the line away. */
  readonly ageAt: number
  readonly statusAt: number
  readonly requestIdAt: number
  readonly text: RepeatedHead
}

export interface PreparedParts {
  readonly method: string
  readonly status: number
  /** Flat, as of an origin, with Content-Length where there is one; without Age and Cache-Status. */
  readonly fields: readonly string[]
}

/** `rules` are those of the call that it is sent for. */
export function prepareHead({ method, status, fields }: PreparedParts, rules: AnswerRules): PreparedHead {
  const varying = [...fields, 'Age', AGE, 'Cache-Status', STATUS]
  const head = answerHead(varying, { requestId: REQUEST_ID, status, rules })
  const { contentLength } = head
  const template = [...head.fields]
  if (contentLength !== null && status !== 204) template.push('Content-Length', String(contentLength))
  const ageAt = template.indexOf(AGE)
  const statusAt = template.indexOf(STATUS)
  const requestIdAt = template.indexOf(REQUEST_ID)
  const places = [ageAt, statusAt, requestIdAt].filter(place => place !== -1).sort((a, b) => a - b)
  return {
    status,
    rules,
    facts: { method, status, contentLength },
    encoding: codingOf(head.fields),
    template,
    ageAt,
    statusAt,
    requestIdAt,
    text: new RepeatedHead({ status, reason: '', fields: template }, places),
  }
}

/** What one request has of its own. */
export interface PreparedAnswer {
  readonly head: PreparedHead
  readonly age: string
  readonly cacheStatus: string
  /** Null where nothing follows the head. */
  readonly body: Buffer | null
}

/**
 * False where somebody may change the answer: then it has to go the framework's way. The request has no body, and the
 * client is still there.
 */
export function sendPrepared(
  reply: FastifyReply,
  call: ProxyCall,
  answer: PreparedAnswer,
  around: AnswerSurroundings,
): boolean {
  const { head, body } = answer
  const fields = fieldsFor(answer, call)
  const { method, status, contentLength } = head.facts
  const asked = { method, status, fields, contentLength, hasTrailers: false }
  const { way } = decideWayOut(around.isDirectAllowed, around.changers, asked, reply.request)
  if (way !== 'direct') return false
  const facts = new LiveFacts(call.upstream)
  facts.headMs = facts.startedMs
  facts.status = head.status
  facts.encoding = head.encoding
  facts.way = 'direct'
  reply.request.proxyFacts = facts
  reply.hijack()
  addFrameworkFields(reply, fields)
  const { raw } = reply
  const written = { status: head.status, reason: '', fields, mayHaveTrailers: false }
  const text = wholeHeadFor(raw, written, head.text)
  if (text === null) writeHead(raw, written)
  // Not told to `onBytes`: the body stays where it is, and nothing of it is garbage afterwards.
  if (body !== null) facts.bytesOut = body.length
  // HTTP/2 gathers what it sends by itself.
  if (isHttp2(raw)) raw.end(body)
  else deferToTurnEnd(new Ending(raw, body, written, text))
  return true
}

/** The body of an answer and its end, with the head where Node has not got that yet. */
class Ending implements TurnEndTask {
  readonly #raw: FastifyReply['raw']
  readonly #body: Buffer | null
  readonly #head: WrittenHead
  readonly #text: string | null

  constructor(raw: FastifyReply['raw'], body: Buffer | null, head: WrittenHead, text: string | null) {
    this.#raw = raw
    this.#body = body
    this.#head = head
    this.#text = text
  }

  atTurnEnd(): void {
    const raw = this.#raw
    if (raw.destroyed) return
    if (this.#text === null) return void raw.end(this.#body)
    const whole = raw as WholeResponse
    if (whole.takesWhole) {
      const body = this.#body
      return whole.endWhole(this.#head.status, this.#text, body === null ? [] : [body], body?.length ?? 0)
    }
    writeHead(raw, this.#head)
    raw.end(this.#body)
  }
}

/** A copy, with what each request has of its own; who is asked may amend it. */
function fieldsFor({ head, age, cacheStatus }: PreparedAnswer, call: ProxyCall): string[] {
  const fields = head.template.slice()
  if (head.ageAt !== -1) fields[head.ageAt] = age
  if (head.statusAt !== -1) fields[head.statusAt] = cacheStatus
  if (head.requestIdAt !== -1) fields[head.requestIdAt] = call.requestId
  return fields
}
