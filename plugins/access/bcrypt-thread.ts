/**
 * Where bcrypt is computed: Node has none, and the package takes a second of a core at the usual cost, in pieces of 100 ms
 * where it would share the event loop. One thread for the process, begun by the first check and ended when idle.
 */
import { Worker } from 'node:worker_threads'

export interface BcryptWork {
  readonly password: string
  readonly cost: number
  /** 16 bytes. */
  readonly salt: Buffer
}

/** A check is followed by others or by nothing for minutes, since right passwords are remembered. */
const IDLE_MS = 30_000

/** Text rather than a file: the build joins the code of the gateway, and a plugin is found in another place than it is. */
const CODE = `
const { parentPort, workerData } = require('node:worker_threads')
const loaded = import(workerData)
parentPort.on('message', async ({ id, password, cost, salt }) => {
  try {
    const { encodeBase64, hashSync } = await loaded
    const start = '$2b$' + String(cost).padStart(2, '0') + '$'
    parentPort.postMessage({ id, hash: hashSync(password, start + encodeBase64(salt, 16)).slice(-31) })
  } catch (error) {
    parentPort.postMessage({ id, problem: String(error) })
  }
})`

interface Answer {
  readonly id: number
  readonly hash?: string
  readonly problem?: string
}

interface Waiter {
  resolve(hash: Buffer): void
  reject(error: Error): void
}

class BcryptThread {
  readonly #worker = new Worker(CODE, {
    eval: true,
    workerData: import.meta.resolve('bcryptjs'),
    name: 'hearthgate-bcrypt',
  })
  readonly #waiters = new Map<number, Waiter>()
  readonly #onEnd: () => void
  #last = 0
  #idle: NodeJS.Timeout | undefined

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
    this.#worker.on('message', (answer: Answer) => this.#answered(answer))
    this.#worker.on('error', error => this.#end(error))
    this.#worker.on('exit', () => this.#end(new Error('the thread of bcrypt has ended')))
  }

  compute(work: BcryptWork): Promise<Buffer> {
    clearTimeout(this.#idle)
    const id = ++this.#last
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      this.#worker.postMessage({ id, ...work })
    })
  }

  #answered({ id, hash, problem }: Answer): void {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    if (hash === undefined) waiter?.reject(new Error(`bcrypt: ${problem}`))
    else waiter?.resolve(Buffer.from(hash, 'latin1'))
    if (this.#waiters.size > 0) return
    this.#worker.unref()
    this.#idle = setTimeout(() => {
      this.#onEnd()
      void this.#worker.terminate()
    }, IDLE_MS).unref()
  }

  #end(error: Error): void {
    this.#onEnd()
    for (const { reject } of this.#waiters.values()) reject(error)
    this.#waiters.clear()
  }
}

let running: BcryptThread | null = null

/** The 31 letters of the hash. One after the other; how many may wait is the caller's to bound. */
export function bcryptOnThread(work: BcryptWork): Promise<Buffer> {
  running ??= begin()
  return running.compute(work)
}

function begin(): BcryptThread {
  const thread: BcryptThread = new BcryptThread(() => {
    if (running === thread) running = null
  })
  return thread
}
