/** Whether a contender's program or package is installed, and its version. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import type { Availability } from './types.ts'

export const PROJECT_FOLDER = join(import.meta.dirname, '..', '..')

/** Looks for a program and asks it for its version; `debianPackage` is named where it is missing. */
export function findInstalled(program: string, versionArgs: readonly string[], debianPackage = program): Availability {
  const file = findProgram(program)
  if (file === null) return { available: false, reason: `not installed (apt-get install ${debianPackage})` }
  const { stdout, stderr } = spawnSync(file, versionArgs, { encoding: 'utf8', timeout: 5000 })
  return { available: true, version: parseVersion(`${stdout}${stderr}`) }
}

/** The first thing in a program's words that looks like a version. */
export function parseVersion(text: string): string {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? 'unknown'
}

/** Looks for a package in node_modules, without loading it. */
export function findPackage(name: string): Availability {
  try {
    const text = readFileSync(join(PROJECT_FOLDER, 'node_modules', name, 'package.json'), 'utf8')
    return { available: true, version: (JSON.parse(text) as { version: string }).version }
  } catch {
    return { available: false, reason: `not installed (npm install --no-save ${name})` }
  }
}
