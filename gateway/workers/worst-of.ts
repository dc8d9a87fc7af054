/** Gauges whose sum would say nothing: the worst of the processes stands for all. By the name of the signal. */
export function isWorst(name: string): boolean {
  return /(?:_delay_seconds|_lag_seconds|_ratio|_utilization|_max|_start_time_seconds)$/.test(name)
}
