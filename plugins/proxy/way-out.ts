/**
 * Which of the two ways an answer leaves: straight to the socket when nobody will change it, or back through the
 * framework, whose onSend hooks then do their work. Pure, with its reason.
 */

/** What the decision is made from; nothing of the body is known yet. */
export interface AnswerFacts {
  readonly method: string
  readonly status: number
  /** Flat `[name, value, …]`, already filtered for the client. */
  readonly fields: readonly string[]
  readonly contentLength: number | null
}

/** Statuses that Fastify knows; it refuses to send others (RFC 9110 §15 has a client treat them as 5xx). */
const MAX_STATUS = 599

/** Says whether its plugin would change this answer on its way to the client; called once an answer. */
export type Changer = (answer: AnswerFacts, request: unknown) => boolean

export type WayOut =
  | { readonly way: 'direct'; readonly reason: 'nobody-changes-it' | 'unknown-status' }
  | { readonly way: 'framework'; readonly reason: 'not-allowed' | 'changed' }

/** `isAllowed` is false in an app that wants its own onSend hooks to see every answer. */
export function decideWayOut(
  isAllowed: boolean,
  changers: readonly Changer[],
  answer: AnswerFacts,
  request: unknown,
): WayOut {
  if (answer.status > MAX_STATUS) return { way: 'direct', reason: 'unknown-status' }
  if (!isAllowed) return { way: 'framework', reason: 'not-allowed' }
  for (const change of changers) if (change(answer, request)) return { way: 'framework', reason: 'changed' }
  return { way: 'direct', reason: 'nobody-changes-it' }
}

/** RFC 9110 §6.4.1: answers to HEAD, 1xx, 204 and 304 have no body, whatever their head says. */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304 || status < 200
}
