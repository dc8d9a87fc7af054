/**
 * The plan for the body of an answer: an origin's was made with its head, the app's own answer gets one here.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MAX_DECODERS, type RecodersInUse } from '../requests/recoders.ts'
import type { RouteRules } from '../route-rules.ts'
import type { CompressionCounters } from '../signals.ts'
import { type DecodingPlan, type Plan, planAnswer } from './plan.ts'
import { headersAsFields, setFields } from './reply-head.ts'

export interface PlanSetup {
  readonly count: CompressionCounters
  readonly inUse: RecodersInUse
  rulesFor(request: FastifyRequest): RouteRules | null
}

/** The plan of an origin's answer is good for one sending: what comes after it is an error page in its place. */
export function takePlan(
  setup: PlanSetup,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Plan | DecodingPlan | null {
  const known = request.compressionPlan
  request.compressionPlan = null
  if (known !== undefined && known !== null) return known
  // The head of an origin's answer has been seen to already.
  if (known === null && request.compressionFacts !== null && !isReplaced(reply)) return null
  const rules = payload === null || payload === undefined ? null : setup.rulesFor(request)
  if (rules === null) return null
  return planOwn(setup, { request, reply, rules }, payload)
}

/** An answer of the app itself carries no mark of an origin's. */
function isReplaced(reply: FastifyReply): boolean {
  return !reply.hasHeader('via')
}

function planOwn(
  setup: PlanSetup,
  { request, reply, rules }: { request: FastifyRequest; reply: FastifyReply; rules: RouteRules },
  payload: unknown,
): Plan | DecodingPlan | null {
  const fields = headersAsFields(reply)
  const contentLength = lengthOf(payload, reply)
  const answer = { status: reply.statusCode, fields, contentLength, hasTrailers: false }
  const { plan, facts } = planAnswer(request, answer, rules, setup.inUse.decoders >= MAX_DECODERS)
  setFields(reply, answer.fields)
  request.compressionFacts = facts
  if (facts.reason !== 'encoded') setup.count.skipped(rules.settings.route, facts.reason)
  return plan
}

function lengthOf(payload: unknown, reply: FastifyReply): number | null {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return Buffer.byteLength(payload)
  const announced = reply.getHeader('content-length')
  return announced === undefined ? null : Number(announced)
}
