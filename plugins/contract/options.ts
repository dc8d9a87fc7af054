/**
 * Options of plugins: one TypeBox schema each, defaults filled in and checked once, at registration.
 */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** Thrown at registration; names the plugin and every path that is wrong. */
export class OptionsError extends Error {
  readonly code = 'HG_OPTIONS'
  readonly plugin: string
  readonly problems: readonly string[]

  constructor(plugin: string, problems: readonly string[]) {
    super(`${plugin}: ${problems.join('; ')}`)
    this.name = 'OptionsError'
    this.plugin = plugin
    this.problems = problems
  }
}

/**
 * Fills in the schema's defaults and checks the result.
 * @throws OptionsError with every problem as `path message`.
 */
export function resolveOptions<T extends TSchema>(plugin: string, schema: T, input: unknown): Static<T> {
  const filled = Value.Default(schema, Value.Clone(input ?? {}))
  if (Value.Check(schema, filled)) return filled as Static<T>
  const problems = [...Value.Errors(schema, filled)].map(error => `${error.instancePath || '/'} ${error.message}`)
  throw new OptionsError(plugin, problems)
}
