/**
 * Windows on disk, one line of JSON each after a first line with what the controller was made from: what
 * `hearthgate tune replay` reads. Bounded in windows and bytes.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createController } from './controller.ts'
import type { ControllerMeta, Entry, TunerWindow } from './types.ts'

const RECORDING_FILE = 'tuner-windows.jsonl'
const MOST_WINDOWS = 3600
const MOST_BYTES = 64 * 1024 ** 2

export class Recording {
  readonly path: string
  #left: number
  #bytes = 0

  /** @throws the error of the file system */
  constructor(folder: string, meta: ControllerMeta, seconds: number) {
    this.path = join(folder, RECORDING_FILE)
    this.#left = Math.min(MOST_WINDOWS, Math.max(1, Math.round(seconds)))
    mkdirSync(folder, { recursive: true })
    writeFileSync(this.path, `${JSON.stringify(meta)}\n`, { mode: 0o600 })
  }

  /** False = it is complete, or the disk is full. */
  write(window: TunerWindow): boolean {
    const line = `${JSON.stringify(window)}\n`
    this.#bytes += line.length
    if (this.#bytes > MOST_BYTES) return false
    try {
      appendFileSync(this.path, line)
    } catch {
      return false
    }
    this.#left--
    return this.#left > 0
  }
}

export interface Replay {
  readonly windows: number
  readonly log: readonly Entry[]
}

/**
 * The ledger that the recorded windows lead to.
 * @throws SyntaxError for a line that is no JSON, TypeError where the first line is not what a recording begins with
 */
export function replay(text: string): Replay {
  const [first = '', ...lines] = text.split('\n').filter(line => line !== '')
  const meta = JSON.parse(first) as ControllerMeta
  if (!Array.isArray(meta?.upstreams) || !Array.isArray(meta?.routes)) throw new TypeError('not a recording of windows')
  const controller = createController(meta)
  for (const line of lines) controller.observe(JSON.parse(line) as TunerWindow)
  return { windows: lines.length, log: controller.log }
}
