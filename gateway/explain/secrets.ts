/**
 * Takes secrets out of what `explain` shows, by the rules of the access log (demands H5): one list of names for both.
 */
import { type Redaction, redactField, redactUrl } from '../../plugins/access-log/index.ts'
import type { Field } from './types.ts'

/** A URL, a request target or a path without the values of its secrets; `more` are those of its route. */
export function redactAddress(text: string, more: Redaction | null = null): string {
  return redactUrl(text, more)
}

/** The same fields; secret ones without their value, addresses in others without their secrets. */
export function redactFields<F extends Field>(fields: readonly F[]): F[] {
  return fields.map(field => ({ ...field, value: redactField(field.name, field.value) }))
}
