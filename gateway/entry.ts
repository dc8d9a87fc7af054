/**
 * What stands between the refusals and everything else of a route: its rate limit, then who may come in, then where the
 * gateway itself sends them. Whoever does not pass is answered here.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AccessDecision } from '../plugins/access/index.ts'
import { addNote } from '../plugins/contract/index.ts'
import {
  endWithAnswer,
  type FailureAnswer,
  failureAnswer,
  type PublicFailure,
  withPageFields,
} from '../plugins/proxy/index.ts'
import { accessPage, decideEntry, questionsFor } from './access.ts'
import { armLinger } from './listeners/index.ts'
import { countedAs, tooManyRequests } from './rate-limits.ts'
import { pageFieldsFor, redirectFor } from './request-facts.ts'

type Next = (error?: Error) => void

/** The hook for requests; upgrades ask the same in `resolveUpgrade`. */
export function entryHook(app: FastifyInstance) {
  return (request: FastifyRequest, reply: FastifyReply, next: Next): void => {
    const counted = countedAs(request.facts)
    if (counted === null) return admit(app, request, reply, next)
    app.rateLimiter
      .take(counted.limit, counted.client)
      .then(rate => {
        if (rate.pass) return admit(app, request, reply, next)
        addNote(request, { topic: 'rate_limit', reason: rate.reason })
        refuse(tooManyRequests(rate, request.facts.requestId), request, reply)
      })
      .catch(next)
  }
}

/** Answers with the gateway's own page in place of the app. */
export function refuse(failure: PublicFailure, request: FastifyRequest, reply: FastifyReply): void {
  answerHere(reply, failure.status, failureAnswer(failure, request.raw.headers.accept, pageFieldsFor(request.facts)))
}

function answerHere(
  reply: FastifyReply,
  status: number,
  { headers, body }: Pick<ReturnType<typeof accessPage>, 'headers' | 'body'> | FailureAnswer,
): void {
  endWithAnswer(reply, armLinger)
  reply.code(status).headers(headers).send(body)
}

/** Who may come in, by the rules of the route. */
function admit(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  next: (error?: Error) => void,
): void {
  const asked = questionsFor(request.facts, request.raw)
  if (asked === null) return enter(request, reply, next)
  decideEntry(app.access, asked)
    .then(decision => letIn(decision, request, reply, next))
    .catch(next)
}

/** Somebody who is kept out gets his answer; everybody else goes on. */
function letIn(decision: AccessDecision, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  addNote(request, { topic: 'access', reason: decision.reason })
  if (decision.pass) {
    request.access = decision
    return enter(request, reply, next)
  }
  const { status, headers, body } = accessPage(decision, request.facts.requestId, request.raw.headers.accept)
  answerHere(reply, status, { headers: withPageFields(headers, pageFieldsFor(request.facts)), body })
}

/** Where the gateway itself sends clients of a route is for those who may come in. */
function enter(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  const location = redirectFor(request.facts)
  if (location === null) return next()
  endWithAnswer(reply, armLinger)
  reply.headers(pageFieldsFor(request.facts)).redirect(location, 301)
}
