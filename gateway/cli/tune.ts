/**
 * `hearthgate tune`: what the tuner of the running gateway did and would do, what a person tells it, and the replay of
 * recorded windows, which needs no gateway.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type Entry,
  type KnobStatus,
  replay,
  type Suggestion,
  type TunerStatus,
  tellEntry,
} from '../../plugins/tuner/index.ts'
import { shortenPath, withoutControls } from '../config/problem.ts'
import { type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import { formatTable } from './format.ts'
import type { CliIo } from './io.ts'

export interface TuneArguments extends AdminArguments {
  readonly json: boolean
  /** The words after `tune`. */
  readonly words: readonly string[]
}

export const TUNE_USAGE =
  'tune status | history | freeze [off] | apply [ROUTE [KNOB]] | rollback | reset | pin ROUTE KNOB [VALUE] | unpin ROUTE KNOB | mode ROUTE MODE [KNOB] | record [SECONDS] | replay FILE'

/** The body for `POST /api/tuner`; null = these words ask for nothing of the kind. */
export function orderIn(words: readonly string[]): Record<string, unknown> | null {
  const [action, first, second, third, ...rest] = words
  if (rest.length > 0) return null
  const number = (text: string | undefined) => (text === undefined ? {} : { value: Number(text) })
  switch (action) {
    case 'freeze':
      return first === undefined || first === 'off' ? { action, frozen: first !== 'off' } : null
    case 'apply':
      return {
        action,
        ...(first === undefined ? {} : { scope: first }),
        ...(second === undefined ? {} : { name: second }),
      }
    case 'rollback':
    case 'reset':
      return first === undefined ? { action } : null
    case 'pin':
      return second === undefined ? null : { action, scope: first, name: second, ...number(third) }
    case 'unpin':
      return second === undefined ? null : { action, scope: first, name: second }
    case 'mode':
      return second === undefined
        ? null
        : { action, scope: first, mode: second, ...(third === undefined ? {} : { knob: third }) }
    case 'record':
      return first === undefined ? { action } : { action, seconds: Number(first) }
    default:
      return null
  }
}

/** True = these words are understood. */
export function isTuneCommand(words: readonly string[]): boolean {
  const [action, file, ...rest] = words
  if (action === 'status' || action === 'history') return file === undefined
  if (action === 'replay') return file !== undefined && rest.length === 0
  return orderIn(words) !== null
}

/** Resolves to the exit code: 0, or 1 where no gateway could be asked or the file could not be replayed. */
export async function runTune(args: TuneArguments, io: CliIo): Promise<number> {
  const [action, file = ''] = args.words
  if (action === 'replay') return replayFile(file, args.json, io)
  try {
    const address = await findAdmin(args, io)
    const order = orderIn(args.words)
    const answer = await askAdmin(address, '/api/tuner', ...(order === null ? [] : [order]))
    io.stdout.write(args.json ? `${JSON.stringify(answer, null, 2)}\n` : format(action, answer))
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}

function format(action: string | undefined, answer: unknown): string {
  if (action === 'status' || action === 'history') {
    const status = answer as TunerStatus
    if (!Array.isArray(status.knobs) || !Array.isArray(status.log)) throw new AdminError(NOT_OURS)
    return action === 'status' ? formatStatus(status) : formatLog(status.log)
  }
  const { done, moved, path } = answer as { done?: string; moved?: number; path?: string }
  if (typeof done !== 'string') throw new AdminError(NOT_OURS)
  return withoutControls(path === undefined ? `${done}: ${moved} knobs moved` : `${done}: into ${path}`).concat('\n')
}

export function formatStatus({ mode, policy, frozen, windows, knobs, suggestions = [] }: TunerStatus): string {
  const state = frozen ? ', frozen' : ''
  const heading = `tuner ${mode}${state}, policy ${policy}, ${windows} s watched`
  const rows = knobs.map(knob => [
    knob.scope,
    knob.name,
    valueText(knob.value, knob),
    valueText(knob.configured, knob),
    modeWord(knob),
    knob.suggestion === undefined ? '' : valueText(knob.suggestion, knob),
  ])
  const table = formatTable([['ROUTE', 'KNOB', 'VALUE', 'CONFIGURED', 'MODE', 'WOULD SET'], ...rows])
  const wouldChange =
    suggestions.length === 0 ? [] : ['would change by `tune apply ROUTE KNOB`:', ...suggestions.map(tell)]
  return `${[heading, ...table, ...wouldChange].map(withoutControls).join('\n')}\n`
}

function tell(suggestion: Suggestion): string {
  const { scope, name, reason, expected } = suggestion
  const [from, to] = [valueText(suggestion.from, suggestion), valueText(suggestion.to, suggestion)]
  return `  ${scope} ${name}: ${from} to ${to}, because ${reason}; expected: ${expected}`
}

/** A number as `tune pin` takes it, unless it stands for a word. */
function valueText(value: number, { words }: Pick<KnobStatus, 'words'>): string {
  return words?.[value] ?? String(value)
}

function modeWord({ mode, pinned }: KnobStatus): string {
  return pinned ? `${mode}, pinned` : mode
}

/** One sentence a change, newest last. */
export function formatLog(log: readonly Entry[]): string {
  if (log.length === 0) return 'nothing was changed yet\n'
  return log.map(entry => `${withoutControls(tellEntry(entry))}\n`).join('')
}

async function replayFile(file: string, isJson: boolean, io: CliIo): Promise<number> {
  const path = resolve(io.cwd, file)
  try {
    const result = replay(await readFile(path, 'utf8'))
    io.stdout.write(
      isJson ? `${JSON.stringify(result, null, 2)}\n` : `${result.windows} windows\n${formatLog(result.log)}`,
    )
    return 0
  } catch (error) {
    io.stderr.write(`hearthgate: ${shortenPath(path, io.cwd)}: ${withoutControls((error as Error).message)}\n`)
    return 1
  }
}
