/** What the doctor says: one finding for each thing it looked at, and for what is wrong the very line that cures it. */
import type { RouteConfig } from '../config/types.ts'

/** In the order in which they are told. */
export const CHECKS = [
  'reach',
  'gateway',
  'prefix',
  'host',
  'origin-check',
  'trusted-proxy',
  'app',
  'websocket',
  'sse',
  'time-limits',
  'ranges',
  'upload',
  'webdav',
  'compression',
  'caching',
  'cookies',
  'mixed-content',
  'certificate',
  'clock',
] as const

export type Check = (typeof CHECKS)[number]

/** `warn` = it works, and something about it is worse than it need be; only `fail` makes the command fail. */
export type Status = 'pass' | 'fail' | 'warn' | 'skip'

/** What to write, and where. */
export interface Remedy {
  /** `route` = the gateway's own configuration. */
  readonly where: 'app' | 'route'
  /** File, page or variable of the app; for `route` the name of the route. */
  readonly file: string
  /** The line itself. */
  readonly line: string
}

export interface Finding {
  readonly check: Check
  readonly status: Status
  readonly reason: string
  readonly remedy?: Remedy
}

/** A judge looks at the facts of a route and says what it finds of one check. */
export type Verdict = Omit<Finding, 'check'>

export interface Examination {
  readonly route: string
  /** Address that visitors use, as far as it is known; null = it was not examined. */
  readonly address: string | null
  readonly findings: readonly Finding[]
}

export const pass = (reason: string): Verdict => ({ status: 'pass', reason })
/** All is well, and this line would make it better, or has to stand where the doctor cannot look. */
export const hint = (reason: string, remedy: Remedy): Verdict => ({ status: 'pass', reason, remedy })
export const skip = (reason: string): Verdict => ({ status: 'skip', reason })
export const fail = (reason: string, remedy: Remedy): Verdict => ({ status: 'fail', reason, remedy })
export const warn = (reason: string, remedy: Remedy): Verdict => ({ status: 'warn', reason, remedy })

/** A line of YAML for the route. */
export function onRoute({ name }: Pick<RouteConfig, 'name'>, line: string): Remedy {
  return { where: 'route', file: name, line }
}

/** A line for the app's own configuration. */
export function inApp(file: string, line: string): Remedy {
  return { where: 'app', file, line }
}

export function isWell(examinations: readonly Examination[]): boolean {
  return examinations.every(({ findings }) => findings.every(({ status }) => status !== 'fail'))
}
