/** From the samples of the rounds to one row of a table: which samples count, and how two contenders are compared. */

/** One round of one contender. */
export interface Sample {
  /** CPU seconds of the contender's whole process tree during the round. */
  readonly cpuSeconds: number
  readonly requests: number
  readonly seconds: number
  /** Bytes of the answers as the load tool counted them, heads included. */
  readonly bytes: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly residentBytes: number
  /** CPU that neither the contender, the load, the origin nor the bench used: cores, 0 to the machine's number. */
  readonly foreignCores: number
  /** Requests that the origin saw. */
  readonly upstreamRequests: number
  readonly socketErrors: number
  readonly badStatuses: number
  /** Of the answers of a `miss` load the share that was stored, 0 to 1; null for other workloads. */
  readonly storedShare: number | null
}

export interface Row {
  readonly contender: string
  /** CPU milliseconds a request: mean of the two lowest samples. */
  readonly cpuMs: number
  /** CPU milliseconds a request: median of the half of the samples with the least foreign load. */
  readonly medianCpuMs: number
  /** Medians over the rounds. */
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The highest seen. */
  readonly residentBytes: number
  /** Requests that the origin saw for each one that was answered, over all rounds. */
  readonly upstreamShare: number
  /** The lowest of the rounds, NaN where one could not tell; null where no answer was to be stored. */
  readonly storedShare: number | null
  /** Bytes an answer, head included. */
  readonly bytesPerRequest: number
  readonly requests: number
  readonly errors: number
}

/** The middle value; the mean of the two middle ones of an even number. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle]!
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Other load only ever adds CPU time (cold caches, shared threads): the lowest samples are nearest to the truth. */
export function meanOfTwoLowest(values: readonly number[]): number {
  const lowest = values.toSorted((a, b) => a - b).slice(0, 2)
  return lowest.reduce((sum, value) => sum + value, 0) / lowest.length
}

/** The half (rounded up) of the samples with the least foreign load. */
export function cleanerHalf(samples: readonly Sample[]): Sample[] {
  const sorted = samples.toSorted((a, b) => a.foreignCores - b.foreignCores)
  return sorted.slice(0, Math.ceil(sorted.length / 2))
}

const cpuMsPerRequest = (sample: Sample) => (sample.cpuSeconds * 1000) / sample.requests
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function lowestOf(shares: readonly (number | null)[]): number | null {
  const known = shares.filter(share => share !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** One row from all samples of a contender. Rounds without a single answer count as errors only. */
export function summarise(contender: string, samples: readonly Sample[]): Row {
  const answered = samples.filter(sample => sample.requests > 0)
  const requests = sum(answered.map(sample => sample.requests))
  return {
    contender,
    cpuMs: meanOfTwoLowest(answered.map(cpuMsPerRequest)),
    medianCpuMs: median(cleanerHalf(answered).map(cpuMsPerRequest)),
    rps: median(answered.map(sample => sample.requests / sample.seconds)),
    p50Ms: median(answered.map(sample => sample.p50Ms)),
    p99Ms: median(answered.map(sample => sample.p99Ms)),
    residentBytes: Math.max(0, ...answered.map(sample => sample.residentBytes)),
    upstreamShare: sum(answered.map(sample => sample.upstreamRequests)) / requests,
    storedShare: lowestOf(answered.map(sample => sample.storedShare)),
    bytesPerRequest: sum(answered.map(sample => sample.bytes)) / requests,
    requests,
    errors: sum(samples.map(sample => sample.socketErrors + sample.badStatuses)),
  }
}

/** The row that ratios are taken to: nginx where it was measured, else the first. Undefined where there is none. */
export function referenceRow(rows: readonly Row[]): Row | undefined {
  return rows.find(row => row.contender === 'nginx') ?? rows[0]
}
