/**
 * The run of a fill: its question at the origin, the pace of the answer, and its end, which is when nobody joins any more,
 * the right to fill the key goes to the next, and what it holds is let go of.
 */
import type { Dispatcher } from 'undici'
import type { Dispatch, FollowedExchange } from '../../upstream/index.ts'
import { headOf, type Passage } from '../passage.ts'
import { isFailureStatus } from '../rules/reuse.ts'
import type { Awaitable, StoredEntry } from '../stores/index.ts'
import { Asking } from './asking.ts'
import type { Attempt, AttemptEvents, OriginHead } from './attempt.ts'
import { Audience } from './audience.ts'
import { Feeding } from './feeding.ts'
import { FillBody } from './fill-body.ts'
import type { FillPlan, Question } from './fill-plan.ts'
import type { FillSurroundings } from './fill-surroundings.ts'
import type { OriginAnswer } from './origin-answer.ts'
import { conditionalRequest, wholeRequest } from './outgoing.ts'

/** An answer of a store that takes its time can be joined for so long after it is kept: look-ups may be under way. */
const LINGER_MS = 50

export abstract class FillRun implements AttemptEvents, FollowedExchange {
  readonly passage: Passage
  readonly isJoinable: boolean
  state: 'head' | 'body' | 'done' = 'head'
  /** Named by a purge or an invalidation while it ran: nobody joins it and it is not stored. */
  isVoid = false
  /** Called once when the answer is in the store, or will not be. */
  onOver: (() => void) | null = null
  protected readonly isBackground: boolean
  protected readonly around: FillSurroundings
  protected readonly asking: Asking
  protected readonly feeding = new Feeding(() => this.pace())
  protected readonly audience: Audience
  protected readonly body: FillBody
  protected question: Question
  protected answer: OriginAnswer | null = null
  #timer: NodeJS.Timeout | null = null
  #isDetached = false

  constructor(plan: FillPlan, around: FillSurroundings, next: Dispatch) {
    this.passage = plan.passage
    this.isJoinable = plan.isJoinable
    this.isBackground = plan.isBackground
    this.question = plan
    this.around = around
    this.asking = new Asking(plan.passage.call.upstream, next, this)
    this.audience = new Audience(around)
    this.body = new FillBody(around.kept, plan.isJoinable)
  }

  abstract head(origin: OriginHead): void
  abstract data(chunk: Buffer): void
  abstract end(trailers: string[] | null): void
  abstract fail(error: Error): void

  /** For an exchange that has begun without a fill, and whose answer has turned out to be worth keeping. */
  takeOver(controller: Dispatcher.DispatchController, requestTimeMs: number): Attempt {
    return this.asking.takeOver(controller, requestTimeMs)
  }

  get attempts(): number {
    return this.asking.attempts
  }

  get pool(): FollowedExchange['pool'] {
    return this.asking.pool
  }

  get waiters(): number {
    return this.audience.size
  }

  /** It is the question whether this still holds. */
  asksAbout({ variant }: StoredEntry): boolean {
    return !this.isVoid && this.question.offered?.variant === variant
  }

  start(): void {
    this.asking.ask(this.question.request)
  }

  /** Another gateway has stored something meanwhile that has to be asked about. */
  askAbout(stored: StoredEntry): void {
    const request = conditionalRequest(this.question.request, headOf(stored))
    this.question = { request, isWhole: true, offered: stored }
  }

  /** The 304 was about something else: ask without conditions, for the whole answer. */
  protected askAnew(offered: StoredEntry): void {
    this.around.drop(offered)
    this.question = { request: wholeRequest(this.question.request), isWhole: true, offered: null }
    this.start()
  }

  /** A purge or an invalidation has named its key. */
  makeVoid(): void {
    this.isVoid = true
    this.feeding.drop()
  }

  protected pace(): void {
    // What turns out to be too long for the store is for readers alone.
    if (this.state === 'body' && this.audience.size === 0 && !this.feeding.isOpen) return this.close()
    const mustWait = this.feeding.isBusy || this.audience.mustOriginWait(this.body)
    this.asking.pause(this.state === 'body' && mustWait)
  }

  /** Nobody waits any more. */
  protected close(): void {
    this.dropReplaced()
    this.state = 'done'
    this.feeding.drop()
    this.asking.giveUp()
    this.detach()
  }

  /** The origin fails, and nobody is left who waits for it. */
  protected giveUp(): void {
    if (this.isBackground) this.around.traits.refreshFailed(this.passage.key)
    this.asking.ignore()
    this.feeding.drop()
    this.state = 'done'
    this.detach()
  }

  /**
   * RFC 9111 §4.3.3: a full answer says that what was asked about is not to be used any more, also where it is itself not kept
   * or not read to its end.
   */
  protected dropReplaced(): void {
    const { offered } = this.question
    const isReplaced = this.answer !== null && !isFailureStatus(this.answer.origin.status)
    if (offered !== null && isReplaced) this.around.drop(offered)
  }

  /** Stays to be joined until the store has what came: who looks it up before finds nothing. */
  protected settle<T>(outcome: Awaitable<T>, then: (outcome: T) => unknown): void {
    if (!(outcome instanceof Promise)) {
      then(outcome)
      return this.detach()
    }
    void outcome.then(settled => {
      then(settled)
      this.over()
      this.startTimer(() => this.detach(), LINGER_MS)
    })
  }

  protected detach(): void {
    this.stopTimer()
    this.#isDetached = true
    this.around.forget(this)
    this.over()
    // Nobody joins any more: what all readers are past is let go of.
    this.body.isWhole = false
    this.clearUnread()
  }

  /** What it holds is for nobody, once it is detached and its readers are gone. */
  protected clearUnread(): void {
    if (this.#isDetached && this.audience.size === 0) this.body.clear()
  }

  /** The right to fill the key goes to whoever wants it next. */
  protected over(): void {
    this.onOver?.()
    this.onOver = null
  }

  protected startTimer(then: () => void, ms: number): void {
    this.#timer = setTimeout(then, ms)
  }

  protected stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
