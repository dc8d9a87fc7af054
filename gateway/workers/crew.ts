/**
 * The worker processes: begun with one text of the configuration, replaced when they die, reloaded one after the other,
 * ended together. The listening sockets belong to this process (node:cluster hands connections out in turn), so that a
 * port is never closed while a worker is replaced.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { Attempts } from '../../plugins/access/index.ts'
import type { Order, Report } from './messages.ts'
import { HEALTHY_MS, restartDelay } from './restart-delay.ts'

/** Longest time for one worker to take over a configuration, in ms. */
const RELOAD_MS = 30_000

/** One worker that serves. */
export interface Member {
  readonly worker: Worker
  readonly listen: readonly string[]
  readonly admin: string
}

export type Refusal = Extract<Report, { is: 'refused' }>

/** Thrown when the first workers cannot open. */
export class CrewError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'CrewError'
    this.refusal = refusal
  }
}

export interface CrewOptions {
  readonly size: number
  /** Command line of a worker, without node and script. */
  readonly args: readonly string[]
  /** Secret of the workers' own admin listeners. */
  readonly adminToken: string
  readonly log: Logger
}

export class Crew {
  readonly #options: CrewOptions
  readonly #members = new Map<number, Member>()
  /** Place of each worker that lives, serving or not. */
  readonly #slots = new Map<number, number>()
  /** Of all workers: each alone would let a sender guess as often again. */
  readonly #attempts = new Attempts()
  #text: string
  #earlyDeaths = 0
  #begun = 0
  #isClosing = false
  /** Workers that were replaced because they died. */
  replaced = 0

  /** `text` is the configuration; it stays in force until `reload` has brought another into force. */
  constructor(text: string, options: CrewOptions) {
    this.#text = text
    this.#options = options
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ args: [...options.args] })
  }

  /** Those that serve now, the longest-serving first. */
  get members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** The first one alone, since it finds out whether the configuration can be used; then the others at once. @throws CrewError */
  async open(): Promise<void> {
    await this.#begin()
    await Promise.all(Array.from({ length: this.#options.size - 1 }, () => this.#begin()))
  }

  /** False = refused by the first worker that was asked: then nothing has changed. */
  async reload(text: string): Promise<boolean> {
    let isFirst = true
    for (const member of this.members) {
      const ok = await this.#reloadOne(member, text)
      if (!ok && isFirst && this.#members.has(member.worker.id)) return false
      // It cannot serve what the others serve: another one takes its place, from the new text.
      if (!ok) member.worker.process.kill('SIGKILL')
      isFirst = false
      this.#text = text
    }
    return true
  }

  /** Each lets its requests end, as a gateway alone would. */
  async close(): Promise<void> {
    this.#isClosing = true
    const workers = Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined)
    await Promise.all(
      workers.map(worker => {
        const gone = once(worker, 'exit')
        order(worker, { do: 'close' })
        return gone
      }),
    )
  }

  /** Ends all of them at once. */
  kill(): void {
    this.#isClosing = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
  }

  async #begin(): Promise<void> {
    const worker = cluster.fork()
    const bornMs = performance.now()
    // Errors of the channel are those of a process that has gone, which `exit` tells.
    worker.on('error', () => {})
    worker.on('message', (report: Report) => this.#count(worker, report))
    const text = this.#text
    const slot = firstFree(this.#slots.values())
    this.#slots.set(worker.id, slot)
    worker.on('exit', (code, signal) => this.#ended(worker, { code, signal, lifeMs: performance.now() - bornMs }))
    await reported(worker, 'waiting', RELOAD_MS)
    const quiet = this.#begun++ > 0
    order(worker, { do: 'open', text, adminToken: this.#options.adminToken, quiet, slot })
    const { listen, admin } = await reported(worker, 'open', RELOAD_MS)
    this.#members.set(worker.id, { worker, listen, admin })
    // A reload may have gone past it while it opened.
    if (text !== this.#text) await this.#reloadOne({ worker, listen, admin }, this.#text)
  }

  #count(worker: Worker, report: Report): void {
    if (report.is === 'forgiven') this.#attempts.forgive(report.sender)
    if (report.is !== 'attempt') return
    const { id, sender, attempts, windowMs } = report.question
    order(worker, {
      do: 'attempted',
      id,
      waitMs: this.#attempts.take(sender, { attempts, windowMs }, performance.now()),
    })
  }

  async #reloadOne({ worker }: Member, text: string): Promise<boolean> {
    order(worker, { do: 'reload', text })
    try {
      return (await reported(worker, 'reloaded', RELOAD_MS)).ok
    } catch {
      return false
    }
  }

  #ended(worker: Worker, { code, signal, lifeMs }: { code: number; signal: string; lifeMs: number }): void {
    const wasServing = this.#members.delete(worker.id)
    this.#slots.delete(worker.id)
    if (this.#isClosing || (!wasServing && this.#members.size === 0 && this.replaced === 0)) return
    this.#earlyDeaths = lifeMs < HEALTHY_MS ? this.#earlyDeaths + 1 : 0
    const delayMs = restartDelay(this.#earlyDeaths, lifeMs)
    this.replaced++
    const { log } = this.#options
    log.error({ pid: worker.process.pid, code, signal, delayMs }, 'a worker has died: the others serve, it is replaced')
    setTimeout(() => this.#replace(), delayMs)
  }

  #replace(): void {
    if (this.#isClosing) return
    // Its end, whatever it was, is told by `exit`, which brings the next one.
    this.#begin().then(
      () => this.#options.log.info({ workers: this.#members.size }, 'a worker has been replaced'),
      () => {},
    )
  }
}

function firstFree(taken: Iterable<number>): number {
  const all = new Set(taken)
  let slot = 0
  while (all.has(slot)) slot++
  return slot
}

function order(worker: Worker, message: Order): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** The next report of this kind. @throws CrewError when the worker refuses, or ends or is silent before it comes. */
function reported<K extends Report['is']>(
  worker: Worker,
  kind: K,
  withinMs: number,
): Promise<Extract<Report, { is: K }>> {
  return new Promise((resolve, reject) => {
    const refuse = (message: string) =>
      reject(new CrewError({ is: 'refused', problems: [], message, code: 'HG_WORKER' }))
    const timer = setTimeout(() => finish(() => refuse('a worker did not answer')), withinMs)
    const onExit = () => finish(() => refuse('a worker ended'))
    const onMessage = (report: Report) => {
      if (report.is === 'refused') finish(() => reject(new CrewError(report)))
      else if (report.is === kind) finish(() => resolve(report as Extract<Report, { is: K }>))
    }
    const finish = (then: () => void) => {
      clearTimeout(timer)
      worker.off('exit', onExit)
      worker.off('message', onMessage)
      then()
    }
    worker.on('exit', onExit)
    worker.on('message', onMessage)
  })
}
