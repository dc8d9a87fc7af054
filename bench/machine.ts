/** What a result was measured on and with: without it a figure means nothing. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { findProgram } from './command.ts'
import { PROJECT_FOLDER, parseVersion } from './contenders/installed.ts'
import type { Cores } from './field.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly kernel: string
  readonly node: string
  /** Of the project: short hash, with "+" where files differ from it; null outside git. */
  readonly commit: string | null
  readonly loadTool: string
  readonly pinned: boolean
}

/** One core for the contender, another for load and origin, where there are two and taskset. */
export function chooseCores(): Cores {
  const canPin = availableParallelism() >= 2 && findProgram('taskset') !== null
  return canPin ? { contender: 0, load: 1 } : { contender: null, load: null }
}

export function describeMachine(loadTool: string, cores: Cores): Machine {
  return {
    cpu: cpuName(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: systemName(),
    kernel: release(),
    node: process.versions.node,
    commit: commitOf(PROJECT_FOLDER),
    loadTool: loadTool === 'wrk' ? `wrk ${parseVersion(textOf('wrk', ['-v']))}` : loadTool,
    pinned: cores.contender !== null,
  }
}

/** With the numbers of the kind: rented machines are often all called the same, and differ by a factor of two. */
function cpuName(): string {
  const name = cpus()[0]?.model ?? 'unknown'
  const text = readText('/proc/cpuinfo')
  const [family, model] = ['cpu family', 'model'].map(key => new RegExp(`^${key}\\s*: (\\d+)$`, 'm').exec(text)?.[1])
  return family === undefined ? name : `${name}, family ${family} model ${model}`
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function systemName(): string {
  return /^PRETTY_NAME="?(.*?)"?$/m.exec(readText('/etc/os-release'))?.[1] ?? process.platform
}

function commitOf(directory: string): string | null {
  const hash = textOf('git', ['-C', directory, 'rev-parse', '--short', 'HEAD']).trim()
  if (hash === '' || hash.includes(' ')) return null
  const changes = textOf('git', ['-C', directory, 'status', '--porcelain'])
  return changes.trim() === '' ? hash : `${hash}+`
}

function textOf(program: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 5000 })
  return `${stdout ?? ''}${stderr ?? ''}`
}
