// The programs a run starts (apps, their helpers, the gateway): each is known by its process id, writes to a log
// file of its own and is ended by that id, whatever happened to the run.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from './wait.ts'

const GRACE_MS = 10_000
const START_MS = 45_000

export const project = join(import.meta.dirname, '..', '..')
/** The Node that installs and runs the apps and the gateway: Node-RED 5 refuses older ones. */
export const node = join(project, 'node_modules', 'node', 'bin', 'node')

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Its stdout and stderr; the folder is its working directory. */
  readonly logFile: string
}

/** A started program: `ended` resolves with its exit code (null: a signal ended it). */
export interface Running {
  readonly name: string
  readonly logFile: string
  readonly process: ChildProcess
  readonly ended: Promise<number | null>
}

/** Holds every program of a run until it is ended. */
export class ProcessGroup {
  readonly #running = new Set<Running>()

  start(program: Program): Running {
    const log = createWriteStream(program.logFile)
    const child = spawn(program.command, program.args, {
      cwd: dirname(program.logFile),
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    const ended = new Promise<number | null>(resolve => {
      child.once('error', () => resolve(127))
      child.once('close', resolve)
    })
    const running = { name: program.name, logFile: program.logFile, process: child, ended }
    this.#running.add(running)
    void ended.then(() => {
      this.#running.delete(running)
      log.end()
    })
    return running
  }

  /** Starts a program and waits until `isReady` says so; throws when it ends before that or takes too long. */
  async startReady(program: Program, isReady: () => Promise<boolean>): Promise<Running> {
    const running = this.start(program)
    await untilReady(running, isReady)
    return running
  }

  /** SIGTERM, then SIGKILL when the program has not ended by itself. Resolves with the exit code. */
  async stop(running: Running): Promise<number | null> {
    running.process.kill('SIGTERM')
    const code = await Promise.race([running.ended, delay(GRACE_MS, 'late' as const, { ref: false })])
    if (code !== 'late') return code
    running.process.kill('SIGKILL')
    return running.ended
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map(running => this.stop(running)))
  }

  /** For the moment the run itself ends: no time left to ask nicely. */
  killAll(): void {
    for (const { process: child } of this.#running) child.kill('SIGKILL')
  }
}

/** Waits until `isReady` says so; throws when the program ends before that or takes too long. */
export async function untilReady(running: Running, isReady: () => Promise<boolean>): Promise<void> {
  const isReadyInTime = await eventually(async () => hasEnded(running) || (await isReady()), START_MS)
  if (hasEnded(running)) throw new Error(`${running.name} ended before it was ready, see ${running.logFile}`)
  if (!isReadyInTime) throw new Error(`${running.name} was not ready after ${START_MS} ms, see ${running.logFile}`)
}

export function hasEnded({ process: child }: Running): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** The environment of every started program: the project's Node first in PATH, none of npm's and tap's variables. */
export function environment(): NodeJS.ProcessEnv {
  const isOurs = ([name]: [string, unknown]) => !/^(npm_package_|npm_lifecycle_|npm_command|TAP)/u.test(name)
  const path = [dirname(node), process.env['PATH'] ?? ''].join(delimiter)
  return { ...Object.fromEntries(Object.entries(process.env).filter(isOurs)), PATH: path }
}

/** The file of a command in PATH, or undefined. */
export function findCommand(command: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin']
  return folders.map(folder => join(folder, command)).find(file => existsSync(file))
}
