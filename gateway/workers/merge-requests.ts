/**
 * The last requests of several processes as one list. Each process numbers its own, so that the list is numbered anew by
 * time, and what ended while they were being asked is left to the next look: one of them may not have told of it. Pure.
 */
import type { ShownRequest } from '../admin/requests.ts'

/** Numbers for each millisecond. */
const PER_MS = 1024

export interface RequestsQuestion {
  /** Most requests to tell. */
  readonly limit: number
  /** Number of the youngest that is known already. */
  readonly after: number
  /** When the first process was asked, in ms since 1970. */
  readonly askedMs: number
}

/** The youngest first. */
export function mergeRequests(all: readonly (readonly ShownRequest[])[], question: RequestsQuestion): ShownRequest[] {
  const { limit, after, askedMs } = question
  const known = all.flat().filter(({ at }) => Date.parse(at) < askedMs)
  const numbered = known.map(request => ({
    ...request,
    number: Date.parse(request.at) * PER_MS + (request.number % PER_MS),
  }))
  return numbered
    .filter(({ number }) => number > after)
    .toSorted((a, b) => b.number - a.number)
    .slice(0, limit)
}

/** Earliest end of a request that may be behind this number, in ms since 1970. */
export function timeOfNumber(after: number): number {
  return Math.max(0, Math.floor(after / PER_MS))
}
