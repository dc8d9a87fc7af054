/**
 * The conditions of a request in the words of the origin: tags that were marked on their way out lose their mark on the
 * way up (RFC 9110 §13.1), so that a PUT with If-Match finds what it names.
 */
import { rangeConditionForOrigin, tagListForOrigin } from '../../cache/index.ts'
import { isStillTaken } from './head.ts'

/** `fields` flat; the same list where nothing was marked. */
export function conditionsForOrigin(fields: readonly string[]): readonly string[] {
  let changed: string[] | null = null
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] as string
    const mapped = mappedValue(fields, i)
    if (mapped === value) continue
    changed ??= [...fields]
    changed[i + 1] = mapped
  }
  return changed ?? fields
}

function mappedValue(fields: readonly string[], at: number): string {
  const name = fields[at] as string
  const value = fields[at + 1] as string
  if (name.length !== 8 && name.length !== 13) return value
  const lower = name.toLowerCase()
  if (lower === 'if-match') return tagListForOrigin(value)
  if (lower === 'if-none-match') return representationsForOrigin(value, fields)
  return lower === 'if-range' ? rangeConditionForOrigin(value) : value
}

function representationsForOrigin(value: string, fields: readonly string[]): string {
  const accept = joinedValue(fields, 'accept-encoding')
  return tagListForOrigin(value, coding => isStillTaken(coding, accept))
}

function joinedValue(fields: readonly string[], lower: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < fields.length; i += 2) {
    if ((fields[i] as string).toLowerCase() !== lower) continue
    value = value === undefined ? (fields[i + 1] as string) : `${value}, ${fields[i + 1]}`
  }
  return value
}
