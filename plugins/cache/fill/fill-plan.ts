/**
 * What a fill is asked to do: the question to the origin, for whom it is, and who may wait for its answer.
 */
import type { ExchangeRequest } from '../../upstream/index.ts'
import type { Passage } from '../passage.ts'
import type { StoredEntry } from '../stores/index.ts'

/** What is asked of the origin. */
export interface Question {
  readonly request: ExchangeRequest
  /** The request was stripped of the client's conditions and range. */
  readonly isWhole: boolean
  /** What the request asks about (a revalidation). */
  readonly offered: StoredEntry | null
}

export interface FillPlan extends Question {
  /** Whose request goes to the origin. */
  readonly passage: Passage
  readonly isJoinable: boolean
  /** Goes on although nobody waits. */
  readonly isBackground: boolean
}
