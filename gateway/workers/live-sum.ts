/**
 * The seconds of several processes as one: counts are added, delays take the worst. Pure.
 */
import type { LiveSample } from '../../plugins/metrics/index.ts'

const SECOND_MS = 1_000

/** @param all at least one */
export function sumSamples(all: readonly LiveSample[]): LiveSample {
  const sum = (of: (sample: LiveSample) => number): number => all.reduce((total, sample) => total + of(sample), 0)
  const worst = (of: (sample: LiveSample) => number | null): number | null => {
    const known = all.map(of).filter(value => value !== null)
    return known.length === 0 ? null : Math.max(...known)
  }
  return {
    atMs: Math.max(...all.map(({ atMs }) => atMs)),
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    clientErrors: sum(({ clientErrors }) => clientErrors),
    inFlight: sum(({ inFlight }) => inFlight),
    p50Ms: worst(({ p50Ms }) => p50Ms),
    p95Ms: worst(({ p95Ms }) => p95Ms),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    hits: sum(({ hits }) => hits),
    misses: sum(({ misses }) => misses),
    bytesSaved: sum(({ bytesSaved }) => bytesSaved),
    bytesAvoided: sum(({ bytesAvoided }) => bytesAvoided),
    loopDelayMs: Math.max(...all.map(({ loopDelayMs }) => loopDelayMs)),
  }
}

/** Of one process, which may have told twice since, or not yet: what runs is what it said last. */
export function sinceLast(heard: readonly LiveSample[], last: LiveSample): LiveSample {
  if (heard.length > 0) return { ...sumSamples(heard), inFlight: last.inFlight }
  const nothing = { requests: 0, errors: 0, clientErrors: 0, p50Ms: null, p95Ms: null, bytesIn: 0, bytesOut: 0 }
  return { ...last, ...nothing, hits: 0, misses: 0, bytesSaved: 0, bytesAvoided: 0 }
}

/** Second by second, the oldest first. */
export function sumHistories(all: readonly (readonly LiveSample[])[], most: number): LiveSample[] {
  const bySecond = Map.groupBy(all.flat(), ({ atMs }) => Math.floor(atMs / SECOND_MS))
  return [...bySecond]
    .toSorted(([one], [other]) => one - other)
    .slice(-most)
    .map(([, samples]) => sumSamples(samples))
}
