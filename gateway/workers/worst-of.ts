/**
 * What stands for several processes in a gauge whose sum would say nothing: the worst of them. By the name of the signal.
 */

/** How a number of two processes is one. */
export function combineGauges(name: string, a: number, b: number): number {
  if (name.endsWith('_expiry_timestamp_seconds')) return Math.min(a, b)
  return isWorst(name) ? Math.max(a, b) : a + b
}

function isWorst(name: string): boolean {
  return /(?:_delay_seconds|_lag_seconds|_ratio|_utilization|_max|_start_time_seconds)$/.test(name)
}
