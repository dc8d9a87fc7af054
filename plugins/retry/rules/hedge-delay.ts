/**
 * After how long a second attempt of a slow request pays, from the times that answers took: the delay among the upper
 * quantiles for which waiting gets shortest, weighed against what the second attempts cost the origins. Off where it
 * gains little, where it would cost much, or where too little is known.
 */
import type { LatencyHistogram } from './latency-histogram.ts'

const MIN_SAMPLES = 50
const QUANTILES = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98]
/** Most second attempts, as a share of the requests. */
const MAX_EXTRA = 0.08
/** What one more attempt a request costs, in mean times. */
const COST = 0.5
/** Least share of the mean time that it has to save, cost taken off. */
const MIN_GAIN = 0.05

export type HedgeDelay =
  | { readonly hedge: true; readonly delayMs: number; readonly extra: number; readonly gain: number }
  | { readonly hedge: false; readonly reason: 'few-samples' | 'no-gain' }

export function decideHedgeDelay(times: LatencyHistogram): HedgeDelay {
  if (times.count < MIN_SAMPLES) return { hedge: false, reason: 'few-samples' }
  const mean = times.mean()
  let best: HedgeDelay = { hedge: false, reason: 'no-gain' }
  let bestGain = MIN_GAIN
  for (const quantile of QUANTILES) {
    const delayMs = times.quantile(quantile)
    const extra = times.shareAbove(delayMs)
    if (extra === 0 || extra > MAX_EXTRA) continue
    const gain = 1 - times.meanOfFirst(delayMs) / mean - COST * extra
    if (gain <= bestGain) continue
    bestGain = gain
    best = { hedge: true, delayMs, extra, gain }
  }
  return best
}
