/** Runs a command as the command line does and keeps what it prints. */
import { PassThrough } from 'node:stream'
import type { CliIo } from '../../../gateway/cli/io.ts'

export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function runCommand(command: (io: CliIo) => number, cwd: string, options: Partial<CliIo> = {}): Printed {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = command({ stdout, stderr, cwd, env: {}, color: false, ...options })
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}
