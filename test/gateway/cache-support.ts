/**
 * What the tests of the cache's faults and load share: gateways as processes, a client that checks every body, and a
 * steady load with its figures.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { versionIn } from './cache-checked-origin.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

/** Heavier variants run with HG_LONG=1. */
export const isLong = process.env['HG_LONG'] === '1'

export interface Answered {
  /** 0 = no answer, or a cut one. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly ms: number
  readonly error: string | null
}

export interface Asking {
  readonly method?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly signal?: AbortSignal
}

/** Never rejects. */
export function ask(port: number, path: string, asking: Asking = {}): Promise<Answered> {
  const began = performance.now()
  const { method = 'GET', host = 'a', body, signal } = asking
  const headers = { ...asking.headers, host }
  return new Promise(resolve => {
    const done = (status: number, told: IncomingHttpHeaders, bytes: Buffer, error: string | null): void =>
      resolve({ status, headers: told, body: bytes, ms: performance.now() - began, error })
    const failed = (error: Error): void => done(0, {}, Buffer.alloc(0), error.message)
    const options = {
      agent,
      port,
      host: '127.0.0.1',
      path,
      method,
      headers,
      ...(signal === undefined ? {} : { signal }),
    }
    const call = request(options, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', failed)
      response.on('end', () => done(response.statusCode ?? 0, response.headers, Buffer.concat(chunks), null))
    })
    call.on('error', failed)
    call.end(body)
  })
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1_024 })

/** The connections of `ask` that nobody uses end, so that a gateway can. */
export function endIdleConnections(): void {
  agent.destroy()
}

export function isHit({ headers }: Pick<Answered, 'headers'>): boolean {
  return String(headers['cache-status'] ?? '').includes('; hit')
}

/** A right answer: 200 and a whole body of that very path. */
export function isSound({ status, body }: Answered, path: string): boolean {
  return status === 200 && versionIn(body, path.replace(/\?.*/, '')) !== null
}

/** A gateway process with a cached route for every host and, for host `plain`, one without cache to compare with. */
export function cachingGateway(t: Teardown, origin: string, top = '', route = ''): Promise<GatewayProcess> {
  return gatewayProcess(
    t,
    `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
state_dir: ./state
${top}
routes:
  - { name: cached, upstream: "${origin}"${route === '' ? '' : `, ${route}`} }
  - { name: plain, match: { host: plain }, upstream: "${origin}", cache: false }
`,
  )
}

/** For messages: how a gateway ended, if it did, and what it wrote last. */
export function lifeOf({ child, log }: GatewayProcess): string {
  const isRunning = child.exitCode === null && child.signalCode === null
  return `${isRunning ? 'running' : `ended by ${child.signalCode ?? child.exitCode}`} ${log().slice(-1_000)}`
}

export interface CacheNumbers {
  readonly store: {
    readonly entries: number
    readonly bytes: number
    readonly stored: number
    readonly evicted: number
    readonly available: boolean
    readonly refused: Readonly<Record<string, number>>
  }
  readonly fills: number
  readonly waiters: number
  readonly outcomes: Readonly<Record<string, number>>
}

export async function cacheNumbers({ admin }: Pick<GatewayProcess, 'admin'>): Promise<CacheNumbers> {
  const response = await fetch(`${admin}/api/cache`, { signal: AbortSignal.timeout(5_000) })
  return (await response.json()) as CacheNumbers
}

export async function purge({ admin }: Pick<GatewayProcess, 'admin'>, selector: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
  const init = { method: 'POST', headers, body: JSON.stringify(selector), signal: AbortSignal.timeout(5_000) }
  return (await fetch(`${admin}/api/cache/purge`, init)).json()
}

export interface Sample {
  /** `performance.now()` when it was sent. */
  readonly at: number
  readonly ms: number
  readonly isRight: boolean
  readonly isHit: boolean
  readonly what: string
}

export interface SteadyLoad {
  readonly samples: Sample[]
  since(at: number, until?: number): Sample[]
  /** Resolves when the last answer is there. */
  stop(): Promise<void>
}

/** Sends one request every `everyMs`, whether the ones before are answered or not; paths take turns. */
export function steadyLoad(port: number, paths: readonly string[], everyMs: number, asking: Asking = {}): SteadyLoad {
  const samples: Sample[] = []
  const open = new Set<Promise<void>>()
  let sent = 0
  const began = performance.now()
  const send = async (path: string): Promise<void> => {
    const at = performance.now()
    const answered = await ask(port, path, asking)
    const isRight = isSound(answered, path)
    const what = isRight ? '' : `${path} ${answered.status} ${answered.error} ${answered.body.length}`
    samples.push({ at, ms: answered.ms, isRight, isHit: isHit(answered), what })
  }
  const timer = setInterval(() => {
    for (const due = (performance.now() - began) / everyMs; sent < due; sent++) {
      const one = send(paths[sent % paths.length] as string).finally(() => open.delete(one))
      open.add(one)
    }
  }, 2)
  return {
    samples,
    since: (at, until = Number.POSITIVE_INFINITY) => samples.filter(one => one.at >= at && one.at < until),
    stop: async () => {
      clearInterval(timer)
      await Promise.all(open)
    },
  }
}

export function percentile(samples: readonly Pick<Sample, 'ms'>[], share: number): number {
  const sorted = samples.map(({ ms }) => ms).sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2)
export const rounded = (ms: number): number => Math.round(ms * 10) / 10
