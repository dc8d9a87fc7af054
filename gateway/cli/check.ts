/**
 * `hearthgate check`: says all that is wrong with a configuration at once, and what is unsafe in it.
 */
import { resolve } from 'node:path'
import { certificateWarnings } from '../certificates/index.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem, type Severity, shortenPath } from '../config/problem.ts'
import type { GatewayConfig, Problem } from '../config/types.ts'
import { count, type Paint, painter } from './format.ts'
import type { CliIo } from './io.ts'

/** Exit code for a configuration that cannot be used (EX_CONFIG). */
export const EXIT_CONFIG = 78

export interface CheckArguments {
  /** Path of the file, relative to the working folder. */
  readonly config: string
  readonly partial?: boolean
}

/** Returns the exit code: 0, or 78 where the gateway would not start. */
export function runCheck({ config, partial = false }: CheckArguments, io: CliIo): number {
  const file = resolve(io.cwd, config)
  const result = loadConfig(file, { env: io.env, partial })
  const problems = result.ok ? [] : result.problems
  const paint = painter(io.color)
  const name = shortenPath(file, io.cwd)
  const certificates = result.ok ? certificateWarnings(result.config, Date.now()) : []
  const lines = [
    ...problems.map(problem => formatLine(problem, 'problem', io.cwd, paint)),
    ...result.warnings.map(warning => formatLine(warning, 'warning', io.cwd, paint)),
    ...certificates.map(text => `${paint('bold', name)}${paint('yellow', ` warning: ${text}`)}`),
  ]
  const warnings = result.warnings.length + certificates.length
  const warned = warnings === 0 ? '' : `, ${count(warnings, 'warning')}`
  if (result.ok) lines.push(paint('green', `${name} can be used: ${describe(result.config)}${warned}`))
  else lines.push(paint('red', `${name} cannot be used: ${count(problems.length, 'problem')}${warned}`))
  io.stdout.write(`${lines.join('\n')}\n`)
  return result.ok ? 0 : EXIT_CONFIG
}

/** The problems of a configuration that another command cannot work with. */
export function refuseConfig(problems: readonly Problem[], io: CliIo): number {
  const paint = painter(io.color)
  for (const problem of problems) io.stderr.write(`${formatLine(problem, 'problem', io.cwd, paint)}\n`)
  return EXIT_CONFIG
}

function formatLine(problem: Problem, severity: Severity, cwd: string, paint: Paint): string {
  const line = formatProblem(problem, cwd, severity)
  const end = line.indexOf(' ', shortenPath(problem.file, cwd).length)
  return `${paint('bold', line.slice(0, end))}${severity === 'warning' ? paint('yellow', line.slice(end)) : line.slice(end)}`
}

function describe({ routes, listen }: GatewayConfig): string {
  const faulty = routes.filter(route => route.fault !== null).length
  const left = faulty === 0 ? '' : ` (${faulty} not served)`
  return `${count(routes.length, 'route')}${left}, ${count(listen.length, 'listener')}`
}
