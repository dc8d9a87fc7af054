/**
 * What the supervisor and its workers tell each other over the channel between their processes.
 */
import type { AttemptQuestion } from '../../plugins/access/index.ts'
import type { Problem } from '../config/types.ts'

/** From the supervisor. `text` is the configuration that all of them are to read. */
export type Order =
  | {
      readonly do: 'open'
      readonly text: string
      readonly adminToken: string
      readonly quiet: boolean
      /** Place among the workers, from 0; a worker that replaces another one takes its place. */
      readonly slot: number
    }
  | { readonly do: 'reload'; readonly text: string }
  | { readonly do: 'close' }
  /** Milliseconds until the sender of the question may try again; 0 = it may now. */
  | { readonly do: 'attempted'; readonly id: number; readonly waitMs: number }

/** From a worker. */
export type Report =
  | { readonly is: 'waiting' }
  | { readonly is: 'open'; readonly listen: readonly string[]; readonly admin: string }
  | { readonly is: 'refused'; readonly problems: readonly Problem[]; readonly message: string; readonly code: string }
  | { readonly is: 'reloaded'; readonly ok: boolean }
  | { readonly is: 'attempt'; readonly question: AttemptQuestion }
  | { readonly is: 'forgiven'; readonly sender: string }
