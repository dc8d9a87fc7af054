/** A process to start, as data, and where on PATH its file is found. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** Added to the environment of the bench. */
  readonly env?: Readonly<Record<string, string>>
  /** True where the output is part of what is measured: it goes to /dev/null and is not kept for error messages. */
  readonly discardOutput?: boolean
}

/** Debian keeps servers in sbin, which is not on the PATH of a normal user. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The full path of a program on PATH or in the sbin folders; null where it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS]
  for (const folder of folders) {
    const path = join(folder, name)
    if (folder !== '' && isExecutable(path)) return path
  }
  return null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The same command on one core only (taskset replaces itself by the program, so the pid stays); null = where it likes. */
export function pinned(command: Command, core: number | null): Command {
  if (core === null) return command
  return { ...command, file: 'taskset', args: ['-c', String(core), command.file, ...command.args] }
}
