/**
 * Where lines go: stderr through a buffer that is written in the background, flushed each second and at the end, and
 * bounded. A reader that has gone or a full disk costs lines, never the app.
 */
import pino from 'pino'

/** Anything that takes a whole line with its line break. */
export interface Destination {
  write(line: string): unknown
}

export interface BufferedDestination extends Destination {
  /** Writes what is left, for at most a second; a reader that takes longer gets the rest as long as the process lives. */
  close(): Promise<void>
}

/** Most bytes of lines that wait for a slow reader; the next line is dropped. */
export const MAX_WAITING = 1024 ** 2

const FLUSH_MS = 1000
const CLOSE_MS = 1000

/** A write of up to this size to a pipe is never mixed with those of other processes (POSIX PIPE_BUF on Linux). */
const WHOLE_WRITE = 4096

/** Fewer bytes wait for more, or for the next flush. */
const LEAST_WRITE = WHOLE_WRITE - 1024

/** Told of each line, or write, that was lost. */
export type OnLost = (reason: 'full' | 'failed') => void

/** Opens a file descriptor, 2 for stderr; it is never closed. */
export function openBuffered(fd: number, onLost: OnLost): BufferedDestination {
  const buffered = new Buffered(fd, onLost)
  return { write: line => buffered.write(line), close: () => buffered.close() }
}

/** Counts what waits: the stream itself stays silent about lines that are fewer than its least write. */
class Buffered {
  readonly #stream: ReturnType<typeof pino.destination>
  readonly #timer: NodeJS.Timeout
  #waiting = 0
  #isClosed = false

  constructor(fd: number, onLost: OnLost) {
    this.#stream = pino.destination({
      dest: fd,
      sync: false,
      minLength: LEAST_WRITE,
      maxWrite: WHOLE_WRITE,
      maxLength: MAX_WAITING,
    })
    this.#stream.on('write', written => {
      this.#waiting -= Number(written)
    })
    this.#stream.on('drop', line => {
      this.#waiting -= Buffer.byteLength(String(line))
      onLost('full')
    })
    this.#stream.on('error', () => onLost('failed'))
    this.#timer = setInterval(() => this.#tick(), FLUSH_MS)
    this.#timer.unref()
  }

  write(line: string): boolean {
    this.#waiting += Buffer.byteLength(line)
    return this.#stream.write(line)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const tooLate = AbortSignal.timeout(CLOSE_MS)
    // A flush during a write ends with that write; the rest is smaller than a write and takes a second one.
    for (let i = 0; i < 2 && this.#waiting > 0; i++) await this.#flush(tooLate)
    this.#tick()
  }

  #tick(): void {
    if (this.#waiting > 0) this.#stream.flush()
    else if (this.#isClosed) clearInterval(this.#timer)
  }

  /** Resolves after what a flush could write, with or without success, or when it is too late. */
  #flush(tooLate: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (tooLate.aborted) return resolve()
      tooLate.addEventListener('abort', () => resolve(), { once: true })
      this.#stream.flush(() => resolve())
    })
  }
}
