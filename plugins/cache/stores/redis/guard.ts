/**
 * Every question to Redis goes through here: it is answered within the time limit or counts as failed, and after some
 * failures the server is left alone until a probe in the background succeeds. No request ever pays for a probe.
 */
import { afterFailure, afterProbe, afterSuccess, type Circuit, closedCircuit, opened } from './circuit.ts'
import type { RedisClient } from './connect.ts'
import { Patience } from './patience.ts'
import { type Reach, ReachNews } from './reach.ts'

/** Questions that may be open at once; one more fails without being asked and without blame. */
export const MAX_IN_FLIGHT = 2048

/** Why there is no answer: nobody was asked (`unavailable`, `busy`), or it failed. */
export type Unanswered = 'unavailable' | 'busy' | 'failed' | 'full'

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: Unanswered }

export interface GuardSettings {
  readonly timeoutMs: number
  /** Runs after a good probe, before the circuit closes; false = not yet. */
  readonly beforeClosing: () => Promise<boolean>
  /** Nothing has come meanwhile for which `beforeClosing` has to run once more. */
  readonly isSettled: () => boolean
  /** For a log. */
  readonly onReach?: ((reach: Reach) => void) | undefined
}

export class RedisGuard {
  readonly client: RedisClient
  readonly #settings: GuardSettings
  readonly #news: ReachNews
  #circuit: Circuit = closedCircuit
  #timer: NodeJS.Timeout | null = null
  #probing = false
  #inFlight = 0
  /** Connections that have ended: a probe says nothing about the one after it. */
  #closes = 0
  #closed = false

  constructor(client: RedisClient, settings: GuardSettings) {
    this.client = client
    this.#settings = settings
    this.#news = new ReachNews(settings.onReach ?? (() => {}))
    client.on('error', error => this.#news.blame(error))
    client.on('ready', () => void this.#probe(true))
    // What is behind the next connection may be another server, or have begun anew: `beforeClosing` looks first.
    client.on('close', () => {
      this.#closes++
      this.leaveAlone()
      if (!this.#closed) this.#news.closed(performance.now())
    })
  }

  get available(): boolean {
    return this.#circuit.state === 'closed' && !this.#closed
  }

  /** Asks within the time limit; never rejects. */
  async ask<T>(question: (client: RedisClient) => Promise<T>, timeoutMs?: number): Promise<Answer<T>> {
    if (!this.available) return { ok: false, why: 'unavailable' }
    if (this.#inFlight >= MAX_IN_FLIGHT) return { ok: false, why: 'busy' }
    const askedAtMs = performance.now()
    const answer = await this.#attempt(question, timeoutMs ?? this.#settings.timeoutMs)
    if (answer.ok || answer.why === 'full') this.#circuit = afterSuccess(this.#circuit)
    else this.#fail(askedAtMs)
    return answer
  }

  #fail(askedAtMs: number): void {
    const before = this.#circuit.state
    this.#turn(afterFailure(this.#circuit, performance.now(), askedAtMs))
    if (before === 'closed' && this.#circuit.state === 'open' && !this.#closed) this.#news.late(performance.now())
  }

  /** As `ask`, also while the server is left alone and without blame: for the probe and what comes with it. */
  async #attempt<T>(question: (client: RedisClient) => Promise<T>, timeoutMs: number): Promise<Answer<T>> {
    this.#inFlight++
    let patience: Patience | undefined
    const late = new Promise<Answer<T>>(resolve => {
      patience = new Patience(timeoutMs, () => resolve({ ok: false, why: 'failed' }))
    })
    // An async function, since the client of a Cluster without slots throws at once.
    const answer = (async () => question(this.client))().then(
      (value): Answer<T> => ({ ok: true, value }),
      (error: Error): Answer<T> => ({ ok: false, why: error.message.startsWith('OOM') ? 'full' : 'failed' }),
    )
    try {
      return await Promise.race([answer, late])
    } finally {
      patience?.end()
      this.#inFlight--
    }
  }

  /** For `beforeClosing`: asks although the server is still left alone. */
  probeWith<T>(question: (client: RedisClient) => Promise<T>): Promise<Answer<T>> {
    return this.#attempt(question, this.#settings.timeoutMs)
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.client.disconnect()
  }

  /** Leaves the server alone at once, so that nothing is served before `beforeClosing` has had its way. */
  leaveAlone(): void {
    if (!this.#closed) this.#turn(opened(this.#circuit, performance.now()))
  }

  #turn(next: Circuit): void {
    const before = this.#circuit.state
    this.#circuit = next
    if (before === 'closed' && next.state === 'open') this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#probe(false), this.#circuit.probeAtMs - performance.now()).unref()
  }

  /** A new connection is worth a probe before its time; one that fails then does not lengthen the pause. */
  async #probe(early: boolean): Promise<void> {
    if (this.#probing || this.#closed || this.#circuit.state === 'closed') return
    this.#probing = true
    const closes = this.#closes
    const pong = await this.probeWith(client => client.ping())
    let succeeded = pong.ok
    do succeeded &&= await this.#settings.beforeClosing()
    while (succeeded && !this.#settings.isSettled())
    this.#probing = false
    succeeded &&= closes === this.#closes
    // A probe whose time came meanwhile has found this one running and left it to it.
    if (!succeeded && early && performance.now() < this.#circuit.probeAtMs) return
    this.#circuit = afterProbe(this.#circuit, succeeded, performance.now())
    if (this.#circuit.state === 'closed') this.#news.back()
    else if (!this.#closed) this.#schedule()
  }
}
