/**
 * The conditions of a request in the words of the origin: tags that were marked on their way out lose their mark on the
 * way up (RFC 9110 §13.1), so that a PUT with If-Match finds what it names.
 */
import { rangeConditionForOrigin, tagListForOrigin } from '../../cache/index.ts'

/** `fields` flat; the same list where nothing was marked. */
export function conditionsForOrigin(fields: readonly string[]): readonly string[] {
  let changed: string[] | null = null
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] as string
    const mapped = mappedValue(fields[i] as string, value)
    if (mapped === value) continue
    changed ??= [...fields]
    changed[i + 1] = mapped
  }
  return changed ?? fields
}

function mappedValue(name: string, value: string): string {
  if (name.length !== 8 && name.length !== 13) return value
  const lower = name.toLowerCase()
  if (lower === 'if-none-match' || lower === 'if-match') return tagListForOrigin(value)
  return lower === 'if-range' ? rangeConditionForOrigin(value) : value
}
