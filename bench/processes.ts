/** The processes that the bench starts: their output for error messages, and their end by pid whatever happens. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from './command.ts'
import { readProcess, readProcesses, selectTree } from './proc-stat.ts'

/** A gateway under `profile.ts` drains and writes its profile meanwhile. */
const GRACE_MS = 5000
const KEPT_OUTPUT = 64 * 1024

export interface Child {
  readonly name: string
  readonly pid: number
  /** The last 64 KiB of stdout. */
  stdout(): string
  /** The last 64 KiB of stderr. */
  stderr(): string
  /** Exit code or signal name, once it has ended and its output is complete. Never rejects. */
  readonly ended: Promise<number | string>
  hasEnded(): boolean
}

export class Children {
  readonly #living = new Set<Child>()
  readonly #graceMs: number

  /** `graceMs`: longest time between SIGTERM and SIGKILL. */
  constructor(graceMs = GRACE_MS) {
    this.#graceMs = graceMs
  }

  /** Starts a process. Throws where the file cannot be run. */
  async start(name: string, command: Command): Promise<Child> {
    const kept = command.discardOutput === true ? 'ignore' : 'pipe'
    const handle = spawn(command.file, command.args, {
      stdio: ['ignore', kept, kept],
      env: { ...process.env, ...command.env },
    })
    const outputs = [tailOf(handle.stdout), tailOf(handle.stderr)]
    let ended = false
    const end = Promise.withResolvers<number | string>()
    const child: Child = {
      name,
      pid: handle.pid ?? 0,
      stdout: () => outputs[0]!(),
      stderr: () => outputs[1]!(),
      ended: end.promise,
      hasEnded: () => ended,
    }
    handle.once('close', (code, signalName) => {
      ended = true
      this.#living.delete(child)
      end.resolve(code ?? signalName ?? 'unknown')
    })
    // Before anything is awaited, so that a signal that arrives meanwhile finds it.
    if (handle.pid !== undefined) this.#living.add(child)
    await once(handle, 'spawn')
    return child
  }

  /** Runs a process to its end and gives its stdout. Throws on a non-zero end or after `timeoutMs`. */
  async run(name: string, command: Command, timeoutMs: number): Promise<string> {
    const child = await this.start(name, command)
    const timer = new AbortController()
    const late = delay(timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const)
    const result = await Promise.race([child.ended, late])
    timer.abort()
    if (result === 0) return child.stdout()
    await this.stop(child)
    throw new Error(
      `${name} ${result === 'late' ? `ran longer than ${timeoutMs} ms` : `ended with ${result}`}: ${child.stderr().trim()}`,
    )
  }

  /** SIGTERM, then SIGKILL to whatever of its tree is left after the grace time. */
  async stop(child: Child): Promise<void> {
    if (child.hasEnded()) return
    const tree = selectTree(readProcesses(), child.pid)
    signal(child.pid, 'SIGTERM')
    const timer = new AbortController()
    await Promise.race([child.ended, delay(this.#graceMs, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
    for (const { pid, startTicks } of tree) {
      // The start time tells it from a stranger that has been given the same pid since.
      if (readProcess(pid)?.startTicks === startTicks) signal(pid, 'SIGKILL')
    }
    await child.ended
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#living].map(child => this.stop(child)))
  }

  /** Last resort in an 'exit' listener, where nothing can be awaited. */
  killAll(): void {
    const stats = this.#living.size === 0 ? [] : readProcesses()
    for (const child of this.#living) for (const { pid } of selectTree(stats, child.pid)) signal(pid, 'SIGKILL')
  }
}

function tailOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-KEPT_OUTPUT)
  })
  return () => text
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile: what was wanted.
  }
}
