/**
 * Tells when any of some files has changed: by watching their directories (a rename onto the file is seen there, one
 * on the file itself is not), and by looking each minute, which also finds the changed end of a symbolic link.
 */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A certificate and its key are written one after the other. */
const SETTLE_MS = 250
const POLL_MS = 60_000

export class FileWatch {
  readonly #files: readonly string[]
  readonly #onChange: () => void
  readonly #watchers: FSWatcher[] = []
  readonly #poll: NodeJS.Timeout
  #settle: NodeJS.Timeout | undefined
  #seen: string | null = null
  /** Resolves after the first look: from then on every change is told. */
  readonly ready: Promise<void>

  /** `onChange` is called once for changes that come close together. */
  constructor(files: readonly string[], onChange: () => void) {
    this.#files = files
    this.#onChange = onChange
    for (const directory of new Set(files.map(dirname))) this.#watchDirectory(directory)
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref()
    this.ready = this.#look()
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
  }

  /** Where watching is not possible (some network file systems) the look each minute remains. */
  #watchDirectory(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#changed())
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    } catch {}
  }

  #changed(): void {
    clearTimeout(this.#settle)
    this.#settle = setTimeout(() => void this.#look(), SETTLE_MS).unref()
  }

  /** Other files live in the same directory: only a different state of ours counts. */
  async #look(): Promise<void> {
    const states = await Promise.all(this.#files.map(stateOf))
    const now = states.join()
    const changed = this.#seen !== null && now !== this.#seen
    this.#seen = now
    if (changed) this.#onChange()
  }
}

async function stateOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file)
    return `${ino}:${size}:${mtimeMs}`
  } catch {
    return 'missing'
  }
}
