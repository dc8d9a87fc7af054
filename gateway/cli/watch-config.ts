/**
 * Tells when the configuration has changed: by watching its folder (editors and volumes of containers replace the file
 * or a link on the way to it), and by looking each minute, which also finds what no folder tells.
 */
import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Editors write a file in several steps: a state counts once two looks, this far apart, have seen it. */
const SETTLE_MS = 150
const POLL_MS = 60_000

export interface ConfigWatchEvents {
  /** The file, or the end of the link that it is, has another state; a missing file is a state too. */
  onChange(): void
  /** A folder cannot be watched (any more), told once each: changes are found by looking each minute. */
  onUnwatchable(folder: string, cause: unknown): void
}

export class ConfigWatch {
  readonly #file: string
  readonly #events: ConfigWatchEvents
  readonly #poll: NodeJS.Timeout
  readonly #unwatchable = new Set<string>()
  #watchers: FSWatcher[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** State at the last look. */
  #seen: string | null = null
  /** State that the caller knows. */
  #told: string | null = null

  /** @param file absolute path, read by the caller just before */
  constructor(file: string, events: ConfigWatchEvents) {
    this.#file = file
    this.#events = events
    this.#watchFolders()
    this.#poll = setInterval(() => this.#lookSoon(), POLL_MS).unref()
    void this.#look()
  }

  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers) watcher.close()
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
  }

  /** Opened anew after each change, since a link may lead elsewhere then and a folder may be another one. */
  #watchFolders(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
    for (const folder of new Set([this.#file, endOf(this.#file)].map(dirname))) this.#watchFolder(folder)
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookSoon())
      this.#watchers.push(watcher)
      watcher.on('error', error => {
        watcher.close()
        this.#tellUnwatchable(folder, error)
      })
    } catch (error) {
      this.#tellUnwatchable(folder, error)
    }
  }

  #tellUnwatchable(folder: string, cause: unknown): void {
    if (this.#unwatchable.has(folder)) return
    this.#unwatchable.add(folder)
    this.#events.onUnwatchable(folder, cause)
  }

  /** Not put off by further events: in a busy folder, one with a log file say, they never end. */
  #lookSoon(): void {
    this.#timer ??= setTimeout(() => void this.#look(), SETTLE_MS).unref()
  }

  async #look(): Promise<void> {
    this.#timer = undefined
    const now = await stateOf(this.#file)
    if (this.#isClosed) return
    const isSettled = now === this.#seen
    this.#seen = now
    this.#told ??= now
    if (now === this.#told) return
    if (!isSettled) return this.#lookSoon()
    this.#told = now
    this.#watchFolders()
    this.#events.onChange()
  }
}

/** Where a symbolic link ends; the path itself while there is nothing. */
function endOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

async function stateOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(file)
    return `${dev}:${ino}:${size}:${mtimeMs}`
  } catch {
    return 'missing'
  }
}
