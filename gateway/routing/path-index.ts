/**
 * Finds the longest of many path prefixes on segment borders. It tries one length after the other and looks a prefix up
 * only where the path has a border there, so the cost follows the number of different lengths, not of prefixes, and a
 * client cannot raise it with a long path.
 */

const SLASH = 0x2f

/** Prefixes without a slash at the end ('' is the root) and what belongs to each. */
export class PathIndex<T> {
  readonly #byPrefix = new Map<string, T>()
  #lengths: readonly number[] = []

  /** Adds a prefix; the first one wins over later equal ones, as in the file. */
  add(prefix: string, value: T): void {
    if (this.#byPrefix.has(prefix)) return
    this.#byPrefix.set(prefix, value)
    if (this.#lengths.includes(prefix.length)) return
    this.#lengths = [...this.#lengths, prefix.length].sort((a, b) => b - a)
  }

  get size(): number {
    return this.#byPrefix.size
  }

  /** What belongs to the longest prefix of `path`, which begins with a slash. */
  longest(path: string): T | undefined {
    const lengths = this.#lengths
    for (let index = 0; index < lengths.length; index++) {
      const length = lengths[index] ?? 0
      if (length !== path.length && path.charCodeAt(length) !== SLASH) continue
      const found = this.#byPrefix.get(path.slice(0, length))
      if (found !== undefined) return found
    }
    return undefined
  }
}
