/** What a probe saw: an answer, or why there was none. Pure readings of its head. */

/** Names in lower case, in the order in which they came. */
export type Fields = readonly (readonly [name: string, value: string])[]

export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly fields: Fields
  /** Not decoded; no more than the probe asked for. */
  readonly body: Buffer
  /** False = it was cut, by the probe's bound or by the other side. */
  readonly isWhole: boolean
  /** Milliseconds from the request to the head of the answer. */
  readonly headMs: number
  /** When the head came, milliseconds since 1970. */
  readonly atMs: number
}

export interface NoAnswer {
  readonly kind: 'none'
  /** Code of the system or of the parser: ECONNREFUSED, HPE_INVALID_CONSTANT; TIMEOUT where the bound was reached. */
  readonly code: string
  readonly message: string
}

export type Seen = Answer | NoAnswer

export function field(answer: Answer, name: string): string | null {
  return answer.fields.find(([known]) => known === name)?.[1] ?? null
}

export function fieldsOf(answer: Answer, name: string): string[] {
  return answer.fields.filter(([known]) => known === name).map(([, value]) => value)
}

export function isAnswer(seen: Seen | null): seen is Answer {
  return seen?.kind === 'answer'
}

/** Below 400: the app did what it was asked for, or says where to go. */
export function isFine(seen: Seen | null): seen is Answer {
  return isAnswer(seen) && seen.status < 400
}

/** Nothing came in the time of the probe: a busy machine says no more by that than that it is busy. */
export function isLate(seen: Seen | null): boolean {
  return seen?.kind === 'none' && seen.code === 'TIMEOUT'
}

/** In words, for reasons. */
export function told(seen: Seen | null): string {
  if (seen === null) return 'was not asked'
  return isAnswer(seen) ? `answers ${seen.status}` : `gives no answer (${seen.code})`
}

/** Code of a failure that the gateway itself tells of, such as HG_UPSTREAM_TIMEOUT; null = the answer is the app's. */
export function gatewayCode(seen: Seen | null): string | null {
  if (!isAnswer(seen) || seen.status < 400) return null
  return /"code":"(HG_[A-Z_]+)"/.exec(seen.body.subarray(0, 4096).toString('latin1'))?.[1] ?? null
}
