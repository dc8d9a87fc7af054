/**
 * What came of the last attempts to get certificates, kept over restarts: a gateway that is restarted every few seconds
 * must not ask the authority every few seconds.
 */
import { createHash } from 'node:crypto'
import type { AcmeConfig } from '../config/types.ts'
import { readIfThere, writePrivateFile } from './state-files.ts'

export interface Attempt {
  /** In a row. */
  readonly failures: number
  /** No attempt before this time, ms since 1970. */
  readonly notBeforeMs: number
}

export const NO_ATTEMPT: Attempt = { failures: 0, notBeforeMs: 0 }

export interface Attempts {
  /** The authority wants to hear nothing at all before this time. */
  readonly holdMs: number
  /** By the name of the file. */
  readonly byFile: Readonly<Record<string, Attempt>>
}

const NONE: Attempts = { holdMs: 0, byFile: {} }

/** Another challenge, directory or address may well do what the last did not: failures of the old set-up do not count. */
function setUpOf(config: AcmeConfig): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16)
}

/** None where nothing readable lies there. */
export async function readAttempts(file: string, config: AcmeConfig): Promise<Attempts> {
  try {
    const { setUp, holdMs, byFile } = JSON.parse((await readIfThere(file)) ?? '{}')
    if (!Number.isFinite(holdMs)) return NONE
    if (setUp !== setUpOf(config) || typeof byFile !== 'object' || byFile === null) return { holdMs, byFile: {} }
    const sound = Object.entries(byFile as Record<string, Attempt>).filter(
      ([, each]) => Number.isFinite(each?.failures) && Number.isFinite(each?.notBeforeMs),
    )
    return { holdMs, byFile: Object.fromEntries(sound) }
  } catch {
    return NONE
  }
}

export function writeAttempts(file: string, config: AcmeConfig, attempts: Attempts): Promise<void> {
  return writePrivateFile(file, `${JSON.stringify({ setUp: setUpOf(config), ...attempts })}\n`)
}
