/** What both loads of our own count, and the figures that come of it. */
import type { RecordableHistogram } from 'node:perf_hooks'
import type { LoadResult } from '../load.ts'

export type LoadCounts = Pick<LoadResult, 'bytes' | 'socketErrors' | 'badStatuses'>

/** `latencies` in nanoseconds; `startMs` by `performance.now()`. */
export function resultOf(latencies: RecordableHistogram, startMs: number, counts: LoadCounts): LoadResult {
  return {
    requests: latencies.count,
    seconds: (performance.now() - startMs) / 1_000,
    p50Ms: latencies.percentile(50) / 1e6,
    p99Ms: latencies.percentile(99) / 1e6,
    ...counts,
  }
}

/** Notes what began at `sinceMs` and is over. */
export function noteTime(latencies: RecordableHistogram, sinceMs: number): void {
  latencies.record(Math.max(1, Math.round((performance.now() - sinceMs) * 1e6)))
}
