/**
 * How a key of the YAML is called in `types.ts`: snake_case becomes camelCase, a duration gets its unit.
 */
import type { Kind } from './kinds.ts'

/** `max_idle`, read as a duration, is `maxIdleMs`. */
export function nameOf(key: string, schema: Kind): string {
  const camel = key.replace(/_([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase())
  return schema.reads.kind === 'duration' ? `${camel}Ms` : camel
}
