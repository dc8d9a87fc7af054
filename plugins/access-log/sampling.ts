/**
 * Which requests are logged: a share of those that went well, all others.
 */
import type { ExchangeEntry } from '../contract/index.ts'

export type LogDecision =
  | { readonly log: true; readonly reason: 'error' | 'sampled' }
  | { readonly log: false; readonly reason: 'left-out' }

/**
 * @param sample share, 0 to 1.
 * @param chance a random number from 0 to below 1.
 */
export function decideLog(
  entry: Pick<ExchangeEntry, 'status' | 'outcome'>,
  sample: number,
  chance: number,
): LogDecision {
  if (entry.outcome !== 'ok' || entry.status >= 400) return { log: true, reason: 'error' }
  return chance < sample ? { log: true, reason: 'sampled' } : { log: false, reason: 'left-out' }
}
