/**
 * What is done with a request before it is anybody's: the answer to a check of a name, a refusal, or the way to https.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endWithAnswer } from '../plugins/proxy/index.ts'
import { httpAnswer } from './certificates/index.ts'
import { refuse } from './entry.ts'
import { armLinger } from './listeners/index.ts'
import { decideForwards, writeForwards } from './max-forwards.ts'
import { refusalFor } from './refusals.ts'
import { httpsFor } from './request-facts.ts'
import type { Serving } from './serving.ts'

/** Refusals first: nobody is sent on to an address that no route serves. */
export function receive(serving: Serving, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  const refusal = refusalFor(request.method, request.facts)
  if (refusal !== null) return refuse(refusal, request, reply)
  const { rawHeaders, headers } = request.raw
  const forwards = decideForwards(request.method, headers['max-forwards'] as string | undefined)
  if (forwards.kind === 'answer') return answerHere(forwards.allow, reply)
  if (forwards.kind === 'count') writeForwards(rawHeaders, headers, forwards.value)
  arrive(serving, request, reply, next)
}

function answerHere(allow: string, reply: FastifyReply): void {
  endWithAnswer(reply, armLinger)
  reply.code(204).header('allow', allow).send()
}

/** HTTP-01 (RFC 8555 §8.3), on any host and before every route; a token that is not ours is the apps'. */
export async function answerChallenge(folder: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const answer = await httpAnswer(folder, request.originalUrl)
  if (answer === null) return false
  reply.type('application/octet-stream').send(answer)
  return true
}

/** Whoever belongs on https is sent there before anything of his is asked for or told. */
function arrive(serving: Serving, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  // The addresses of a socket are asked of the system each time.
  if (serving.doors.length === 0) return next()
  const { localPort, localAddress } = request.raw.socket
  const location = httpsFor(serving, request.facts, { localPort, localAddress, target: request.originalUrl })
  if (location === null) return next()
  endWithAnswer(reply, armLinger)
  reply.redirect(location, 308)
}
