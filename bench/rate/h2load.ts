/** One load of a fixed rate with h2load, and the times of its answers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, pinned } from '../command.ts'
import type { Field, Runner } from '../field.ts'

/** Connections that the rate is spread over. */
export const CONNECTIONS = 50
const GRACE_MS = 20_000

export interface RateResult {
  /** Answers a second. */
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were no 200, and requests without one. */
  readonly failed: number
}

/** A request is due when its time has come, whether the one before is answered or not: up to ten a connection wait. */
export async function loadAt(field: Field, runner: Runner, rps: number, seconds: number): Promise<RateResult> {
  const log = join(field.directory, `rate-${runner.contender.name}-${Math.round(rps)}.log`)
  const url = runner.base + field.workload.path
  const rate = [`--rps=${(rps / CONNECTIONS).toFixed(2)}`, '-m10', `-D${seconds}`, '--warm-up-time=1']
  const args = ['--h1', '-t1', `-c${CONNECTIONS}`, ...rate, `--log-file=${log}`, url]
  const command: Command = { file: 'h2load', args }
  await field.children.run('h2load', pinned(command, field.cores.load), (seconds + 1) * 1000 + GRACE_MS)
  return readLog(readFileSync(log, 'latin1'))
}

/** Lines of `start in µs TAB status TAB µs until the end`. Throws where there is none. */
export function readLog(text: string): RateResult {
  const rows = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t').map(Number))
  const times = rows.filter(([, status]) => status === 200).map(([, , us = 0]) => us / 1000)
  if (times.length === 0) throw new Error('h2load got no answer')
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
  const starts = rows.map(([start = 0]) => start)
  const seconds = (starts.reduce((a, b) => Math.max(a, b)) - starts.reduce((a, b) => Math.min(a, b))) / 1e6
  return { rps: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), failed: rows.length - times.length }
}
