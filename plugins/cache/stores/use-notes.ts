/**
 * Which entries were used lately, told to the index in one go every second: the order of eviction need not be exact.
 */

/** Entries that are remembered between two reports; further uses are not noted. */
export const MAX_USE_NOTES = 4096
const REPORT_INTERVAL_MS = 1_000

export class UseNotes {
  #used = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  readonly #report: (names: readonly string[]) => void

  constructor(report: (names: readonly string[]) => void) {
    this.#report = report
  }

  note(name: string): void {
    if (this.#used.size >= MAX_USE_NOTES) return
    this.#used.add(name)
    this.#timer ??= setTimeout(() => this.flush(), REPORT_INTERVAL_MS).unref()
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const names = [...this.#used]
    this.#used = new Set()
    if (names.length > 0) this.#report(names)
  }

  close(): void {
    this.flush()
  }
}
