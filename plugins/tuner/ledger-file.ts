/**
 * What the tuner keeps across restarts, in one JSON file: written whole beside the old one and then put in its place.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KnobStatus } from './apply/knobs.ts'
import type { Entry } from './types.ts'

const LEDGER_FILE = 'tuner.json'
const VERSION = 1
/** Older knowledge is worth less than none. */
const MOST_AGE_MS = 7 * 24 * 3600 * 1000
/** Entries that outlive a restart. */
const MOST_ENTRIES = 200
const MOST_BYTES = 4 * 1024 ** 2

export interface LedgerFile {
  readonly savedAt: number
  /** What each route was when this was learned. */
  readonly identities: Readonly<Record<string, string>>
  readonly controller: unknown
  readonly pins: readonly string[]
  /** Somebody has said that nothing moves. */
  readonly frozen: boolean
  readonly entries: readonly Entry[]
  /** Where each knob stood; empty in a file that was written before they were kept. */
  readonly knobs: readonly KnobStatus[]
}

/** @throws the error of the file system */
export function writeLedger(folder: string, ledger: LedgerFile): void {
  const path = join(folder, LEDGER_FILE)
  const temporary = `${path}.${process.pid}.new`
  mkdirSync(folder, { recursive: true })
  const text = JSON.stringify({ version: VERSION, ...ledger, entries: ledger.entries.slice(-MOST_ENTRIES) })
  try {
    writeFileSync(temporary, `${text}\n`, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Null for a file that is missing, not ours, of another version, or too old. Never throws. */
export function readLedger(folder: string, now: number): LedgerFile | null {
  try {
    const text = readFileSync(join(folder, LEDGER_FILE), 'utf8')
    if (text.length > MOST_BYTES) return null
    const read = JSON.parse(text) as Partial<LedgerFile> & { version?: unknown }
    const { version, savedAt, identities, controller, pins, entries, knobs, frozen } = read
    if (version !== VERSION || typeof savedAt !== 'number' || !(now - savedAt < MOST_AGE_MS)) return null
    if (typeof identities !== 'object' || identities === null || !Array.isArray(entries) || !Array.isArray(pins))
      return null
    const known = Array.isArray(knobs) ? knobs.filter(isKnob) : []
    const pinned = pins.filter(pin => typeof pin === 'string')
    const shown = { entries: entries.filter(isEntry), knobs: known }
    return { savedAt, identities, controller, pins: pinned, frozen: frozen === true, ...shown }
  } catch {
    return null
  }
}

/** Without what was learned about upstreams that are not the same any more. */
export function forgetChanged(ledger: LedgerFile, identities: Readonly<Record<string, string>>): unknown {
  const { controller } = ledger
  if (typeof controller !== 'object' || controller === null) return null
  const { limits } = controller as { limits?: Record<string, unknown> }
  const kept = Object.entries(limits ?? {}).filter(([id]) => ledger.identities[id] === (identities[id] ?? null))
  return { ...controller, limits: Object.fromEntries(kept) }
}

/** People can write into this file; what is shown of it must at least be of its form. */
function isKnob(knob: Partial<KnobStatus> | null): boolean {
  const { scope, name, mode, value, configured } = knob ?? {}
  return [scope, name, mode].every(text => typeof text === 'string') && [value, configured].every(Number.isFinite)
}

function isEntry(entry: Partial<Entry> | null): boolean {
  const { t, target, knob, hypothesis, expected, measured } = entry ?? {}
  return Number.isFinite(t) && [target, knob, hypothesis, expected, measured].every(text => typeof text === 'string')
}
