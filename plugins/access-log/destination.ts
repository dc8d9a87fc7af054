/**
 * Where lines go: stderr through a buffer that is written in the background, flushed each second and at the end, and
 * bounded. A reader that has gone or a full disk costs lines, never the app.
 */
import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
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

/**
 * Most bytes of one write to a pipe, a socket or a terminal: up to this size it is never mixed with those of other
 * processes, nor of the app's own logger (POSIX PIPE_BUF on Linux).
 */
const WHOLE_WRITE = 4096
/** To a file, where each write stays whole: a write takes a turn of another thread, which costs more than its bytes. */
const FILE_WRITE = 65_536

/** Told of each line, or write, that was lost. */
export type OnLost = (reason: 'full' | 'failed') => void

/** Opens a file descriptor, 2 for stderr; it is never closed. */
export function openBuffered(fd: number, onLost: OnLost): BufferedDestination {
  const buffered = new Buffered(fd, onLost)
  return { write: line => buffered.write(line), close: () => buffered.close() }
}

/**
 * Gathers lines until they fill a write: the stream would measure all that it has gathered anew for each line, which cost
 * 13 µs a line.
 */
class Buffered {
  readonly #stream: ReturnType<typeof pino.destination>
  readonly #timer: NodeJS.Timeout
  readonly #onLost: OnLost
  readonly #maxWrite: number
  /** Lines that the stream does not have yet, and their bytes. */
  #gathered = ''
  #gatheredBytes = 0
  /** Bytes that have not been written, those included. */
  #waiting = 0
  #isClosed = false

  constructor(fd: number, onLost: OnLost) {
    this.#onLost = onLost
    this.#maxWrite = mostAtOnce(fd)
    // The stream writes at once what it is given.
    this.#stream = pino.destination({ dest: fd, sync: false, minLength: 1, maxWrite: this.#maxWrite })
    this.#stream.on('write', written => {
      this.#waiting -= Number(written)
    })
    this.#stream.on('error', () => onLost('failed'))
    this.#timer = setInterval(() => this.#tick(), FLUSH_MS)
    this.#timer.unref()
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#waiting + bytes > MAX_WAITING) return this.#onLost('full')
    if (this.#gatheredBytes + bytes > this.#maxWrite) this.#handOver()
    this.#gathered += line
    this.#gatheredBytes += bytes
    this.#waiting += bytes
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#handOver()
    const tooLate = AbortSignal.timeout(CLOSE_MS)
    // A flush during a write may end with that write; what is left takes a second one.
    for (let i = 0; i < 2 && this.#waiting > 0; i++) await this.#flush(tooLate)
    this.#tick()
  }

  #handOver(): void {
    if (this.#gatheredBytes === 0) return
    this.#stream.write(this.#gathered)
    this.#gathered = ''
    this.#gatheredBytes = 0
  }

  #tick(): void {
    this.#handOver()
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

function mostAtOnce(fd: number): number {
  const kind = fstatSync(fd)
  return kind.isFile() || (kind.isCharacterDevice() && !isatty(fd)) ? FILE_WRITE : WHOLE_WRITE
}
