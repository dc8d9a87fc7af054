/** The head of an answer as HTTP/2 fields: how much of it is accepted, and its lines without pseudo fields (RFC 9113 §8.3). */
import type { FailureKind } from '../errors.ts'

/** Largest head of an answer, counted as RFC 9113 §6.5.2 does. */
export const MAX_HEAD_BYTES = 65_536
/** What every field counts besides its name and value. */
export const FIELD_OVERHEAD = 32
/** Most interim (1xx) answers before the final one. */
const MAX_INTERIM = 16

/** Why a head is not accepted, null if it is; `interim` is the number of interim answers so far, with this one. */
export function findHeadProblem(lines: readonly string[], interim: number): FailureKind | null {
  let bytes = (lines.length / 2) * FIELD_OVERHEAD
  for (let i = 0; i < lines.length; i++) bytes += (lines[i] as string).length
  if (bytes > MAX_HEAD_BYTES) return 'headTooLarge'
  return interim > MAX_INTERIM ? 'invalid' : null
}

export function withoutPseudo(lines: readonly string[]): string[] {
  const fields: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (!lines[i]?.startsWith(':')) fields.push(lines[i] as string, lines[i + 1] as string)
  }
  return fields
}
