/**
 * Which of the two ways an answer leaves: straight to the socket when nobody will change it, or back through the
 * framework, whose onSend hooks then do their work. Pure, with its reason.
 */

/** What the decision is made from; nothing of the body is known yet. */
export interface AnswerFacts {
  readonly method: string
  readonly status: number
  /** Flat `[name, value, …]`, already filtered for the client; who is asked may amend it in place. */
  readonly fields: string[]
  /** Announced length of the body; null = unknown, or taken off by who is asked: then the answer says none. */
  contentLength: number | null
  /** The origin has announced trailers, which only the direct way carries. */
  readonly hasTrailers: boolean
}

/** Statuses that Fastify knows; it refuses to send others (RFC 9110 §15 has a client treat them as 5xx). */
const MAX_STATUS = 599

/**
 * Says whether its plugin will change the body of this answer in onSend; called once an answer, before any of it is
 * sent. What the plugin wants of the head alone it does here: that costs no way through the framework.
 */
export type Changer = (answer: AnswerFacts, request: unknown) => boolean

export type WayOut =
  | { readonly way: 'direct'; readonly reason: 'nobody-changes-it' | 'unknown-status' }
  | { readonly way: 'framework'; readonly reason: 'not-allowed' | 'changed' }

/** `isAllowed` is false in an app that wants its own onSend hooks to see every answer. All changers are asked. */
export function decideWayOut(
  isAllowed: boolean,
  changers: readonly Changer[],
  answer: AnswerFacts,
  request: unknown,
): WayOut {
  if (answer.status > MAX_STATUS) return { way: 'direct', reason: 'unknown-status' }
  let isChanged = false
  for (const change of changers) isChanged = change(answer, request) || isChanged
  if (!isAllowed) return { way: 'framework', reason: 'not-allowed' }
  return isChanged ? { way: 'framework', reason: 'changed' } : { way: 'direct', reason: 'nobody-changes-it' }
}

/** RFC 9110 §6.4.1: answers to HEAD, 1xx, 204 and 304 have no body, whatever their head says. */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304 || status < 200
}
