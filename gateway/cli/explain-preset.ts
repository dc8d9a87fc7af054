/**
 * `hearthgate explain --preset`: a preset as it is written, with its sources, so that a route can set any of it otherwise.
 */
import { explainUnknownPreset, findPreset } from '../config/presets.ts'
import { withoutControls } from '../config/problem.ts'
import type { CliIo } from './io.ts'

export interface ExplainPresetArguments {
  readonly name: string
  readonly json: boolean
}

/** Returns the exit code: 0, or 1 where there is no such preset. */
export function runExplainPreset({ name, json }: ExplainPresetArguments, io: CliIo): number {
  const preset = findPreset(name)
  if (preset === null) {
    io.stderr.write(`hearthgate: ${withoutControls(explainUnknownPreset(name))}\n`)
    return 1
  }
  const { text, ...read } = preset
  io.stdout.write(json ? `${JSON.stringify(read, null, 2)}\n` : text)
  return 0
}
