/**
 * Reads a configuration to serve from it, and says in the log what is wrong with it.
 */
import { type LoadResult, loadConfig } from './config/load.ts'
import { formatProblem } from './config/problem.ts'
import type { GatewayConfig, Problem } from './config/types.ts'
import type { LogTarget } from './log-target.ts'

export interface ConfigSource {
  readonly file: string
  /** Serve the sound routes of a configuration with faulty ones. */
  readonly partial: boolean
  readonly log: LogTarget
  /** Text of the file, where somebody else has read it. */
  readonly text?: string
  /** The file, where somebody has just loaded it. */
  readonly loaded?: LoadResult
  /** Another process reads the same text and says what it warns of. */
  readonly quiet?: boolean
}

/** Thrown when the configuration cannot be used; every problem at once. */
export class ConfigurationError extends Error {
  readonly code = 'HG_CONFIG'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super('the configuration cannot be used')
    this.name = 'ConfigurationError'
    this.problems = problems
  }
}

/** A configuration in force, with what was warned of when it was read. */
export interface ReadConfig {
  readonly config: GatewayConfig
  readonly warnings: readonly Problem[]
}

/** @throws ConfigurationError */
export function readConfig({ file, partial, log, text, quiet = false, ...before }: ConfigSource): ReadConfig {
  const loaded = before.loaded ?? loadConfig(file, text === undefined ? { partial } : { partial, text })
  if (loaded.ok) log.logger.level = loaded.config.log.level
  if (!quiet) for (const warning of loaded.warnings) log.logger.warn(formatProblem(warning, process.cwd(), 'warning'))
  if (!loaded.ok) throw new ConfigurationError(loaded.problems)
  if (quiet) return loaded
  for (const { name, fault } of loaded.config.routes) {
    if (fault !== null) log.logger.error({ route: name }, `route '${name}' answers 503: ${fault}`)
  }
  return loaded
}
