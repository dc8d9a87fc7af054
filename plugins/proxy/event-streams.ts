/**
 * The answers that end only when somebody ends them: a reload or a stop has to know them, or it would wait for ever.
 */
import { isNamed } from '../contract/index.ts'

/** One open event stream. */
export interface EventStream {
  readonly route: string
  /** Ends it visibly; clients of event streams connect again by themselves. */
  end(): void
}

/** Somebody who waits for streams to end. */
interface Closer {
  readonly chosen: Set<EventStream>
  /** Its time is over: what comes now is ended at once. */
  isDue: boolean
  matches(stream: EventStream): boolean
  readonly isForGood: boolean
  resolve(): void
}

export class EventStreams {
  readonly #open = new Set<EventStream>()
  readonly #closers = new Set<Closer>()

  get count(): number {
    return this.#open.size
  }

  add(stream: EventStream): void {
    this.#open.add(stream)
    for (const closer of this.#closers) if (closer.matches(stream)) this.#join(closer, stream)
  }

  delete(stream: EventStream): void {
    this.#open.delete(stream)
    for (const { chosen, resolve } of this.#closers) if (chosen.delete(stream) && chosen.size === 0) resolve()
  }

  /**
   * Gives the streams that match `graceMs`, then ends those of them that are still open and still match. Streams that
   * begin meanwhile are among them; with `isForGood` (the app is stopping) later ones are ended at once. Resolves when
   * those of now are gone, or were ended.
   */
  closeWhere(matches: (stream: EventStream) => boolean, graceMs: number, isForGood = false): Promise<void> {
    const chosen = new Set([...this.#open].filter(matches))
    return new Promise(resolve => {
      const closer: Closer = { chosen, matches, isForGood, isDue: false, resolve }
      this.#closers.add(closer)
      setTimeout(() => this.#fire(closer), graceMs).unref()
      if (chosen.size === 0) resolve()
    })
  }

  #join(closer: Closer, stream: EventStream): void {
    if (closer.isDue) process.nextTick(() => stream.end())
    else closer.chosen.add(stream)
  }

  #fire(closer: Closer): void {
    closer.isDue = true
    for (const stream of [...closer.chosen]) if (closer.matches(stream)) stream.end()
    if (!closer.isForGood) this.#closers.delete(closer)
    closer.resolve()
  }
}

/** Content-Encoding of an answer, null for none. */
export function codingOf(fields: readonly string[]): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i] as string, 'content-encoding')) return fields[i + 1] as string
  }
  return null
}
