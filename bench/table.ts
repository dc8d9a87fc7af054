/** Results as Markdown: one table a workload with its conditions above it and everything that went wrong below. */
import type { Machine } from './machine.ts'
import type { WorkloadResult } from './measure.ts'
import { type Row, referenceRow } from './statistics.ts'

export interface Contestant {
  readonly name: string
  readonly version: string
  readonly about: string
}

export interface Skipped {
  readonly name: string
  readonly reason: string
}

export interface BenchResult {
  /** ISO 8601. */
  readonly date: string
  /** The very command line that made it. */
  readonly command: string
  readonly machine: Machine
  readonly contenders: readonly Contestant[]
  readonly skipped: readonly Skipped[]
  readonly workloads: readonly WorkloadResult[]
}

/** From this size of an answer on, CPU seconds a GB say more than those a request. */
const LARGE_BYTES = 256 * 1024
/** The load and the origin count apart from each other, and wrk rounds its bytes: less than this means nothing. */
const COUNT_TOLERANCE = 0.02
/** More than this is no head: a contender sent a body where none was due. */
const MOST_HEAD_BYTES = 2048

/** The whole report. */
export function renderReport(result: BenchResult): string {
  const parts = [renderHead(result), ...result.workloads.map(workload => renderWorkload(workload)), renderNotes(result)]
  return `${parts.join('\n\n')}\n`
}

function renderHead({ date, command, machine }: BenchResult): string {
  const memory = `${Math.round(machine.memoryBytes / 1024 ** 3)} GiB`
  const place = machine.pinned
    ? 'contender on core 0, origin and load on core 1'
    : 'not pinned to cores: contender and load compete'
  return `# Bench results

- Date: ${date}
- Machine: ${machine.cores} cores (${machine.cpu}), ${memory}; ${machine.system}, Linux ${machine.kernel}
- With: Node ${machine.node}, ${machine.loadTool}; ${place}
- Project: commit ${machine.commit ?? 'unknown'}${machine.commit?.endsWith('+') === true ? ' with changes' : ''}
- Command: \`${command}\`

CPU ms/req is CPU time of the whole process tree, mean of the two lowest samples; "x, medians" compares the medians of
the half of the rounds with the least foreign load. Where the two disagree, trust neither further than that. Compare
within one table only. Method: docs/performance.md.`
}

/** One workload's heading, table and remarks. */
export function renderWorkload(result: WorkloadResult): string {
  const isLarge = result.answerBytes >= LARGE_BYTES
  const isCoded = result.coding !== null
  const conditions = `${result.rounds} rounds, origin ${result.origin}, foreign load ${result.foreignCores.toFixed(1)} cores`
  const reference = referenceRow(result.rows)
  const heading = `## ${result.workload}: ${result.title}\n\n${conditions}`
  const remarks = renderRemarks(result)
  if (reference === undefined) return [heading, ...remarks].join('\n\n')
  const titles = [
    'contender',
    'CPU ms/req',
    `x ${reference.contender}`,
    'x, medians',
    'rps',
    'p50 ms',
    'p99 ms',
    'RSS MB',
  ]
  if (isLarge) titles.push('CPU-s/GB')
  if (isCoded) titles.push('bytes')
  const lines = [titles, ['---', ...titles.slice(1).map(() => '---:')]]
  for (const row of result.rows)
    lines.push([
      ...cellsOf(row, reference, isLarge ? result.answerBytes : null),
      ...(isCoded ? [row.bytesPerRequest.toFixed(0)] : []),
    ])
  const table = lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
  return [heading, table, ...remarks].join('\n\n')
}

function cellsOf(row: Row, reference: Row, answerBytes: number | null): string[] {
  const cells = [
    row.contender,
    significant(row.cpuMs),
    (row.cpuMs / reference.cpuMs).toFixed(2),
    (row.medianCpuMs / reference.medianCpuMs).toFixed(2),
    row.rps.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(1),
    (row.residentBytes / 1e6).toFixed(0),
  ]
  if (answerBytes !== null) cells.push(((row.cpuMs * 1e6) / answerBytes).toFixed(2))
  return cells
}

function significant(value: number): string {
  return value >= 1 ? value.toFixed(3) : value.toFixed(4)
}

/** What a reader must know about single rows; "every request …" where all is well. */
export function renderRemarks(result: WorkloadResult): string[] {
  const remarks = result.rows.flatMap(row => remarksOn(row, result))
  for (const { contender, reason } of result.failures)
    remarks.push(`${contender} is not in the table: ${oneLine(reason)}`)
  if (remarks.length > 0) return [remarks.map(remark => `- ${remark}`).join('\n')]
  return [`${ALL_IS_WELL[result.cache ?? 'proxy']}; no errors.`]
}

const ALL_IS_WELL = {
  proxy: 'Every request reached the origin and was answered in full',
  hit: 'Every answer came from the cache and in full: the origin saw no request',
  'not-modified': 'Every answer came from the cache and without a body: the origin saw no request',
  miss: 'Every request reached the origin and was answered in full, and the answers were stored',
} as const

function remarksOn(row: Row, result: WorkloadResult): string[] {
  const { answerBytes, coding } = result
  const remarks: string[] = []
  if (row.errors > 0) remarks.push(`${row.contender}: ${row.errors} errors or non-2xx of ${row.requests} requests`)
  if (!hasExpectedShare(row, result)) {
    remarks.push(`${row.contender}: the origin saw ${formatShare(row.upstreamShare)} requests for each answered one`)
  }
  if (row.storedShare !== null && !(row.storedShare >= 1 - COUNT_TOLERANCE)) {
    remarks.push(`${row.contender}: ${formatShare(row.storedShare)} of the answers were in the cache after a round`)
  }
  if (coding === null && isOffSize(row, answerBytes)) {
    remarks.push(`${row.contender}: ${row.bytesPerRequest.toFixed(0)} bytes an answer, ${answerBytes} expected`)
  }
  return remarks
}

function hasExpectedShare({ upstreamShare, requests }: Row, { cache, connections, rounds }: WorkloadResult): boolean {
  if (cache === 'hit' || cache === 'not-modified') return upstreamShare === 0
  // The end of a load cuts off one request a connection: the origin has seen it, nobody counted its answer.
  return Math.abs(upstreamShare - 1) * requests <= Math.max(requests * COUNT_TOLERANCE, connections * rounds)
}

function isOffSize({ bytesPerRequest }: Row, answerBytes: number): boolean {
  if (answerBytes === 0) return bytesPerRequest > MOST_HEAD_BYTES
  return bytesPerRequest < answerBytes * (1 - COUNT_TOLERANCE)
}

/** Two digits, more where they would all be 0. */
function formatShare(share: number): string {
  return share > 0 && share < 0.01 ? share.toPrecision(1) : share.toFixed(2)
}

function renderNotes({ contenders, skipped }: BenchResult): string {
  const lines = contenders.map(({ name, version, about }) => `- ${name} ${version}: ${about}`)
  for (const { name, reason } of skipped) lines.push(`- ${name}: skipped, ${reason}`)
  return `## Contenders\n\n${lines.join('\n')}`
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 300)
}
