/**
 * What a request is told of its wait: its own account of the time in the queue, and a note for the log and `explain`.
 */
import { addNote } from '../contract/index.ts'
import type { ShedReason } from './errors.ts'
import type { Slot } from './slot.ts'

export interface Wait {
  readonly waitMs: number
  readonly limit: number
  /** Who else waits. */
  readonly waiting: number
}

export function tellWait({ request }: Slot, reason: ShedReason | 'waited', wait: Wait): void {
  if (request.attempt !== undefined) request.attempt.queueMs += wait.waitMs
  addNote(request.incoming, { topic: 'admission', reason, numbers: { ...wait, waitMs: Math.round(wait.waitMs) } })
}
