/**
 * The load: wrk where it is installed, else a closed loop in Node. Both give the same figures. What they cannot do is done
 * by others: a fixed rate by a loop of our own, HTTP/2 over TLS by h2load.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, findProgram } from './command.ts'
import { requestHeadersOf, type Workload } from './workloads.ts'

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Bytes of the answers, heads included. */
  readonly bytes: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Connect, read, write errors and time-outs. */
  readonly socketErrors: number
  /** Answers that were neither 2xx nor 3xx. */
  readonly badStatuses: number
}

export interface LoadRun {
  /** For `miss` up to the number that each request adds, counted from 1. */
  readonly url: string
  readonly workload: Workload
  readonly seconds: number
  /** Where `writeLoadFiles` wrote. */
  readonly directory: string
}

export interface LoadTool {
  readonly name: string
  readonly command: (run: LoadRun) => Command
  /** From the tool's stdout, and what it left in `LoadRun.directory`; throws where that is not what it prints. */
  readonly parse: (stdout: string, directory: string) => LoadResult
}

export const LOAD_BODY_FILE = 'load-body'
export const LOAD_SCRIPT_FILE = 'load.lua'
export const H2LOAD_LOG_FILE = 'h2load.log'

export const wrk: LoadTool = { name: 'wrk', command: wrkCommand, parse: parseWrk }
/** Slower than wrk. */
export const ownLoop: LoadTool = {
  name: 'closed-loop.ts',
  command: loopCommand,
  parse: text => JSON.parse(text) as LoadResult,
}

/** For workloads with a rate; the same on every machine. */
export const pacedLoad: LoadTool = {
  name: 'open-loop.ts',
  command: pacedCommand,
  parse: text => JSON.parse(text) as LoadResult,
}

/** Its log, in the directory of the run, tells how long each request took. */
export const h2load: LoadTool = { name: 'h2load', command: h2loadCommand, parse: parseH2load }

/** `usual` unless the workload needs another one. */
export function toolFor({ perSecond, streams }: Workload, usual: LoadTool): LoadTool {
  if (streams !== null) return h2load
  return perSecond === null ? usual : pacedLoad
}

export function findLoadTool(): LoadTool {
  return findProgram('wrk') === null ? ownLoop : wrk
}

const isMiss = (workload: Workload) => workload.cache?.answers === 'miss'

/** Files that a load needs, name to content: the request's body, and wrk's script that sends it or counts up. */
export function loadFiles(workload: Workload, directory: string): ReadonlyMap<string, string | Buffer> {
  if (isMiss(workload)) return new Map([[LOAD_SCRIPT_FILE, COUNTING_SCRIPT]])
  if (workload.requestBody === null) return new Map()
  const script = [
    `local file = assert(io.open(${JSON.stringify(join(directory, LOAD_BODY_FILE))}, "rb"))`,
    'wrk.body = file:read("*a")',
    `wrk.method = "${workload.method}"`,
    'wrk.headers["content-type"] = "application/octet-stream"',
  ]
  return new Map<string, string | Buffer>([
    [LOAD_BODY_FILE, workload.requestBody],
    [LOAD_SCRIPT_FILE, `${script.join('\n')}\n`],
  ])
}

// wrk asks once before the load whether requests differ, which uses up a number.
const COUNTING_SCRIPT = `local number = 0
function request()
  number = number + 1
  return wrk.format(nil, wrk.path .. number)
end
`

function wrkCommand({ url, workload, seconds, directory }: LoadRun): Command {
  const hasScript = workload.requestBody !== null || isMiss(workload)
  const script = hasScript ? ['-s', join(directory, LOAD_SCRIPT_FILE)] : []
  const headers = Object.entries(requestHeadersOf(workload)).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const amount = ['-t1', `-c${workload.connections}`, `-d${seconds}s`]
  return { file: 'wrk', args: [...amount, '--latency', '--timeout', '5s', ...headers, ...script, url] }
}

/** What `closed-loop.ts` is asked for, in JSON. */
export interface LoopOrder {
  readonly method: Workload['method']
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
  readonly bodyFile: string | null
  /** True: each request adds its number to the URL. */
  readonly counts: boolean
}

function loopCommand({ url, workload, seconds, directory }: LoadRun): Command {
  const { method, connections, requestBody } = workload
  const bodyFile = requestBody === null ? null : join(directory, LOAD_BODY_FILE)
  const headers = requestHeadersOf(workload)
  const order: LoopOrder = { method, url, connections, seconds, headers, bodyFile, counts: isMiss(workload) }
  const script = join(import.meta.dirname, 'load', 'closed-loop.ts')
  return { file: process.execPath, args: [script, JSON.stringify(order)] }
}

/** What `open-loop.ts` is asked for, in JSON. */
export interface PacedOrder {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly perSecond: number
  readonly headers: Readonly<Record<string, string>>
}

function pacedCommand({ url, workload, seconds }: LoadRun): Command {
  const { connections, perSecond } = workload
  if (perSecond === null) throw new Error(`${workload.name} has no rate`)
  const order: PacedOrder = { url, connections, seconds, perSecond, headers: requestHeadersOf(workload) }
  return { file: process.execPath, args: [join(import.meta.dirname, 'load', 'open-loop.ts'), JSON.stringify(order)] }
}

function h2loadCommand({ url, workload, seconds, directory }: LoadRun): Command {
  const log = join(directory, H2LOAD_LOG_FILE)
  rmSync(log, { force: true })
  const amount = ['-t1', `-c${workload.connections}`, `-m${workload.streams}`, `-D${seconds}`]
  return { file: 'h2load', args: [...amount, `--log-file=${log}`, url] }
}

/** Throws where h2load spoke anything but HTTP/2, or printed no result. */
export function parseH2load(stdout: string, directory: string): LoadResult {
  const seconds = /finished in ([\d.]+\w+),/.exec(stdout)?.[1]
  if (seconds === undefined || !stdout.includes('Application protocol: h2'))
    throw new Error(`h2load printed no result over HTTP/2: ${stdout.slice(0, 500)}`)
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN)
  const log = readFileSync(join(directory, H2LOAD_LOG_FILE), 'latin1').trimEnd().split('\n')
  const times = log.map(line => Number(line.split('\t')[2]) / 1_000).toSorted((a, b) => a - b)
  const quantile = (q: number) => times[Math.min(times.length - 1, Math.ceil(q * times.length) - 1)] ?? Number.NaN
  return {
    requests: number(/(\d+) succeeded/),
    seconds: scaled(seconds, SECONDS),
    bytes: number(/traffic: [^(]*\((\d+)\) total/),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    socketErrors: number(/(\d+) errored/) + number(/(\d+) timeout/),
    badStatuses: number(/ (\d+) 4xx/) + number(/ (\d+) 5xx/),
  }
}

/** Reads what `wrk --latency` prints. Throws where the line with the number of requests is missing. */
export function parseWrk(text: string): LoadResult {
  const total = /(\d+) requests in ([\d.]+\w+), ([\d.]+\w+) read/.exec(text)
  if (total === null) throw new Error(`wrk printed no result: ${text.slice(0, 500)}`)
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return {
    requests: Number(total[1]),
    seconds: scaled(total[2]!, SECONDS),
    bytes: scaled(total[3]!, BYTES),
    p50Ms: percentileMs(text, '50%'),
    p99Ms: percentileMs(text, '99%'),
    socketErrors: socketErrors.reduce((sum, count) => sum + Number(count), 0),
    badStatuses: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  }
}

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }
const BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }

function percentileMs(text: string, percent: string): number {
  const value = new RegExp(`^ +${percent} +([\\d.]+\\w+)$`, 'm').exec(text)?.[1]
  return value === undefined ? Number.NaN : scaled(value, SECONDS) * 1000
}

/** `1.23ms` with the units' factors. NaN for an unknown unit. */
function scaled(text: string, units: Readonly<Record<string, number>>): number {
  const unit = text.replace(/^[\d.]+/, '')
  return Number.parseFloat(text) * (units[unit] ?? Number.NaN)
}
