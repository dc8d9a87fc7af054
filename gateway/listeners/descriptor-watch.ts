/**
 * Tells in the log when the process has no file descriptors left, and when it has some again. Without them libuv closes new
 * connections by itself and tells nobody, so that a gateway at its limit looks as if the network were at fault.
 */
import { closeSync, openSync } from 'node:fs'
import type { ListenerLog } from './types.ts'

export type DescriptorNews = 'none left' | 'back' | null

/** What there is to say, by what was so at the last look. */
export function decideNews(wasOut: boolean, isOut: boolean): DescriptorNews {
  if (wasOut === isOut) return null
  return isOut ? 'none left' : 'back'
}

export class DescriptorWatch {
  readonly #log: ListenerLog
  #isOut = false

  constructor(log: ListenerLog) {
    this.#log = log
  }

  /** By the sweep, once a second: two system calls. */
  look(connections: number): void {
    const isOut = !canOpen()
    const news = decideNews(this.#isOut, isOut)
    this.#isOut = isOut
    if (news === 'none left')
      this.#log.error(
        { connections },
        'no file descriptors left: new connections are refused until some close; raise the limit (ulimit -n, LimitNOFILE=) or lower limits.connections',
      )
    else if (news === 'back') this.#log.info({ connections }, 'there are file descriptors again')
  }
}

function canOpen(): boolean {
  try {
    closeSync(openSync(process.execPath, 'r'))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'EMFILE' && code !== 'ENFILE'
  }
}
