/**
 * One question to the origin for one key, and everybody who waits for its answer: decides on the head what the answer is
 * for whom, feeds the store, and lets each reader read at its own pace. Nobody's leaving ends it but the last one's.
 */
import type { Dispatcher } from 'undici'
import type { BagMember } from '../../contract/index.ts'
import type { Dispatch, ExchangeRequest, FollowedExchange } from '../../upstream/index.ts'
import { headOf, type Passage } from '../passage.ts'
import { currentAgeMs } from '../rules/age.ts'
import { isFailureStatus, isGuessForCookie } from '../rules/reuse.ts'
import type { StoredHead } from '../rules/types.ts'
import { matchesVary } from '../rules/vary.ts'
import type { Awaitable, StoredEntry } from '../stores/index.ts'
import { Asking } from './asking.ts'
import { type Attempt, type AttemptEvents, endToEndFields, type OriginHead, withoutFraming } from './attempt.ts'
import { Audience } from './audience.ts'
import { Feeding } from './feeding.ts'
import { FILL_WINDOW_BYTES, FillBody } from './fill-body.ts'
import type { FillReader, ReadFill } from './fill-reader.ts'
import type { FillSurroundings, StoredWithHead } from './fill-surroundings.ts'
import { leadersOwnHead, type OriginAnswer, readOriginAnswer, sharedHead, unchangedHead } from './origin-answer.ts'
import { failureOf } from './origin-failure.ts'
import { conditionalRequest, wholeRequest } from './outgoing.ts'
import { confirm } from './revalidated.ts'
import { Stillness } from './stillness.ts'
import { openFeed } from './store-feed.ts'
import { trimVariants } from './trim-variants.ts'

/** Bytes and time for which a new answer is held back while a stale one could still stand in for it. */
const HOLD_BYTES = 256 * 1024
const HOLD_MS = 100
/** An answer of a store that takes its time can be joined for so long after it is kept: look-ups may be under way. */
const LINGER_MS = 50

/** What is asked of the origin. */
export interface Question {
  readonly request: ExchangeRequest
  /** The request was stripped of the client's conditions and range. */
  readonly isWhole: boolean
  /** What the request asks about (a revalidation). */
  readonly offered: StoredEntry | null
}

export interface FillPlan extends Question {
  /** Whose request goes to the origin. */
  readonly passage: Passage
  readonly isJoinable: boolean
  /** Goes on although nobody waits. */
  readonly isBackground: boolean
}

export class Fill implements ReadFill, AttemptEvents, BagMember {
  bagIndex = -1
  readonly passage: Passage
  readonly isJoinable: boolean
  state: 'head' | 'body' | 'done' = 'head'
  /** Named by a purge or an invalidation while it ran: nobody joins it and it is not stored. */
  isVoid = false
  /** Called once when the answer is in the store, or will not be. */
  onOver: (() => void) | null = null
  readonly #isBackground: boolean
  readonly #around: FillSurroundings
  readonly #asking: Asking
  readonly #feeding = new Feeding(() => this.#pace())
  readonly #audience: Audience
  readonly #body: FillBody
  readonly #stillness = new Stillness()
  /** The origin lets its readers wait too long: nobody else is to wait for it. */
  #isLate = false
  #question: Question
  #answer: OriginAnswer | null = null
  /** What everybody may have, once it is known. */
  #shared: StoredHead | null = null
  /** What the origin has confirmed. */
  #confirmed: StoredWithHead | null = null
  /** The answer is held back: what is stored could still stand in for it. */
  #isHeld = false
  #timer: NodeJS.Timeout | null = null
  #isDetached = false
  /** A chunk is being given to everybody. */
  #isGiving = false

  constructor(plan: FillPlan, around: FillSurroundings, next: Dispatch) {
    this.passage = plan.passage
    this.isJoinable = plan.isJoinable
    this.#isBackground = plan.isBackground
    this.#question = plan
    this.#around = around
    this.#asking = new Asking(plan.passage.call.upstream, next, this)
    this.#audience = new Audience(around)
    this.#body = new FillBody(around.kept, plan.isJoinable)
  }

  /** For an exchange that has begun without a fill, and whose answer has turned out to be worth keeping. */
  takeOver(controller: Dispatcher.DispatchController, requestTimeMs: number): Attempt {
    return this.#asking.takeOver(controller, requestTimeMs)
  }

  get attempts(): number {
    return this.#asking.attempts
  }

  get pool(): FollowedExchange['pool'] {
    return this.#asking.pool
  }

  get waiters(): number {
    return this.#audience.size
  }

  /** It is the question whether this still holds. */
  asksAbout({ variant }: StoredEntry): boolean {
    return !this.isVoid && this.#question.offered?.variant === variant
  }

  /** Whether somebody who comes now can still have all of it. */
  admits(passage: Passage): boolean {
    if (!this.isJoinable || this.isVoid || this.#isLate) return false
    const asksAbout = passage.way === 'revalidate' ? passage.stored?.variant : undefined
    if (this.#question.offered?.variant !== asksAbout) return false
    if (this.state === 'head' || this.#isHeld) return true
    if (this.#confirmed !== null) return this.#around.isFresh(this.#confirmed.head, passage)
    if (this.#shared === null || !this.#canBeKept(this.#shared) || !matchesVary(this.#shared, passage.request))
      return false
    // RFC 9111 §5.2.1: from its head on it is a stored answer like any other, which a reload does not want.
    return this.#around.isFresh(this.#shared, passage)
  }

  add(reader: FillReader): void {
    this.#audience.add(reader)
    reader.fill = this
    if (this.#confirmed !== null) this.#serve(reader, this.#confirmed)
    else if (this.state !== 'head' && !this.#isHeld) this.#admit(reader)
  }

  start(): void {
    this.#asking.ask(this.#question.request)
  }

  /** Another gateway has stored something meanwhile that has to be asked about. */
  askAbout(stored: StoredEntry): void {
    const request = conditionalRequest(this.#question.request, headOf(stored))
    this.#question = { request, isWhole: true, offered: stored }
  }

  /** Another gateway has stored the answer meanwhile. */
  answerFrom(entry: StoredEntry): void {
    this.#confirmed = { entry, head: headOf(entry) }
    this.state = 'done'
    this.#serveWaiting(this.#confirmed)
    this.#detach()
  }

  /** A purge or an invalidation has named its key. */
  makeVoid(): void {
    this.isVoid = true
    this.#feeding.drop()
  }

  checkTime(nowMs: number, mostMs: number): void {
    if (this.state === 'body') {
      this.#audience.breakOffStalled(this.#body, nowMs)
      const { isPaused } = this.#asking
      if (this.#stillness.exceeds(mostMs, { total: this.#body.total, isPaused, nowMs })) this.#isLate = true
    }
    if (this.state !== 'head' || !this.#audience.hasOverdue(nowMs, mostMs)) return
    this.#isLate = true
    this.#audience.dismissOverdue(nowMs, mostMs)
  }

  // What the origin says.

  head(origin: OriginHead): void {
    if (origin.status < 200) return this.#audience.interim(origin)
    const { offered } = this.#question
    if (origin.status === 304 && offered !== null) return this.#confirm(origin, offered)
    if (isFailureStatus(origin.status)) {
      this.#audience.standIn(origin.status)
      if (this.#audience.size === 0) return this.#giveUp()
    }
    this.state = 'body'
    const asked = { passage: this.passage, isWhole: this.#question.isWhole }
    const answer = readOriginAnswer(origin, asked, this.#asking.times())
    this.#answer = answer
    // RFC 9111 §4.4 comes first: what it makes void is not what is stored now.
    let invalidated: Awaitable<unknown> = null
    if (this.passage.way === 'unsafe') invalidated = this.#around.invalidate(this.passage, origin)
    else this.#around.traits.learnFrom(this.passage.key, answer.decision, origin.status)
    if (answer.head === null) this.#keepForLeader(answer)
    else this.#share(answer.head, invalidated)
  }

  data(chunk: Buffer): void {
    this.#feeding.write(chunk)
    this.#body.push(chunk)
    this.#learnLength()
    if (this.#isHeld && this.#body.total > HOLD_BYTES) this.#release()
    this.#isGiving = true
    this.#audience.pump(this.#body)
    this.#isGiving = false
    this.#pace()
  }

  end(trailers: string[] | null): void {
    this.#audience.giveTrailers(trailers)
    this.#body.isEnded = true
    this.#release()
    this.state = 'done'
    this.#audience.pump(this.#body)
    const outcome = this.#feeding.finish()
    if (outcome === null) {
      this.#dropReplaced()
      this.#detach()
    } else this.#settle(outcome, settled => (settled.stored ? this.#kept(settled.entry) : this.#dropReplaced()))
  }

  fail(error: Error): void {
    if (this.state === 'head' || this.#isHeld) this.#audience.standIn(failureOf(error))
    this.#audience.fail(error)
    this.#giveUp()
  }

  // What its readers say.

  readerMoved(reader: FillReader): void {
    // All of them are looked at once when everybody has been given the chunk.
    if (this.#isGiving) return
    if (!reader.paused) reader.pump(this.#body)
    if (!this.#body.isWhole) this.#audience.forgetRead(this.#body)
    this.#pace()
  }

  readerLeft(reader: FillReader, isServed: boolean): void {
    this.#audience.remove(reader)
    if (this.state === 'done') {
      if (this.#isDetached && this.#audience.size === 0) this.#body.clear()
    } else if (this.#audience.size > 0 || this.#isBackground || this.#body.isEnded) this.#pace()
    // Who got the part it wanted leaves the rest to the store.
    else if (isServed && this.#feeding.isOpen) this.#pace()
    else this.#close()
  }

  // What the answer is, and for whom.

  /** An answer without a length shows late that it is too long: ranges of it are the origin's to answer. */
  #learnLength(): void {
    const { scope, key } = this.passage
    const isTooLong = this.#shared?.bodyLength === null && this.#body.total > scope.settings.maxObjectBytes
    if (isTooLong) this.#around.traits.learn(key, 'alone')
  }

  /** Everybody whose request selects this answer gets it; the others look for another. */
  #share(head: StoredHead, after: Awaitable<unknown>): void {
    // A part answers one request; who waits for the whole is not served by it.
    if (head.isPartial === null) this.#shared = head
    const { store, kept } = this.#around
    const fed = { store, kept, passage: this.passage, head, isVoid: () => this.isVoid }
    if (!this.isVoid) this.#feeding.open(openFeed(fed, after))
    this.#isHeld = this.#question.offered !== null && this.#audience.haveAllStandIns('cut')
    if (this.#isHeld) this.#timer = setTimeout(() => this.#release(), HOLD_MS)
    else this.#release()
  }

  #release(): void {
    this.#stopTimer()
    this.#isHeld = false
    if (this.#answer?.head !== null) for (const reader of this.#audience.waiting()) this.#admit(reader)
  }

  /** The answer is known and can be had from its first byte. */
  #admit(reader: FillReader): void {
    const { passage, isLeader } = reader
    const shared = this.#shared
    if (!isLeader) {
      const isFitting = shared !== null && this.#canBeKept(shared) && matchesVary(shared, passage.request)
      const isAllowed = !passage.facts.hasAuthorization || shared?.limits.isForAuthorized === true
      // RFC 9111 §4: what may not be used again without asking answers the one request that asked.
      const isReusable = shared !== null && !shared.limits.alwaysRevalidate && isFresh(shared)
      const isForOthers = isReusable && !isGuessForCookie(shared, passage.facts)
      if (!isForOthers) reader.mustGoAlone = true
      if (!isFitting || !isAllowed || !isForOthers) return this.#audience.dismiss(reader)
    }
    const { origin } = this.#answer as OriginAnswer
    const forwardStatus = this.#question.offered === null ? null : origin.status
    const status = this.#around.status(reader, { forwardStatus, stored: this.#feeding.isOpen })
    this.#around.count.outcome(passage, isLeader ? 'miss' : 'coalesced')
    const isUnchanged = isLeader && !this.#question.isWhole
    if (isUnchanged || shared === null) reader.begin(unchangedHead(origin, status))
    else {
      const facts = this.#around.forms.factsFor(passage, shared)
      reader.begin(sharedHead(this.#withLength(shared), { facts, isLeader }, origin.message, status))
    }
    reader.pump(this.#body)
  }

  /** What is longer than the window would bind the fast to the slow. */
  #canBeKept({ bodyLength }: StoredHead): boolean {
    return this.#body.isWhole && (bodyLength === null || bodyLength <= FILL_WINDOW_BYTES)
  }

  /** An answer that came without a length has one when it is over. */
  #withLength(head: StoredHead): StoredHead {
    return head.bodyLength === null && this.#body.isEnded ? { ...head, bodyLength: this.#body.total } : head
  }

  /** RFC 9111 §4: an answer that may not be stored is for the one whose request went to the origin. */
  #keepForLeader(answer: OriginAnswer): void {
    const { offered, isWhole } = this.#question
    const reason = answer.decision.store ? 'nothing-to-reuse' : answer.decision.reason
    this.#around.count.refused(this.passage.scope.route, reason)
    this.#dropReplaced()
    this.#body.isWhole = false
    this.#over()
    this.#audience.dismissAllButLeader()
    const { leader } = this.#audience
    if (leader === null) return this.#close()
    const forwardStatus = offered === null ? null : answer.origin.status
    const status = this.#around.status(leader, { forwardStatus, detail: reason })
    this.#around.count.outcome(leader.passage, 'miss')
    leader.begin(isWhole ? leadersOwnHead(answer, leader, status) : unchangedHead(answer.origin, status))
  }

  // What is stored.

  /**
   * RFC 9111 §4.3.3: a full answer says that what was asked about is not to be used any more, also where it is itself not kept
   * or not read to its end.
   */
  #dropReplaced(): void {
    const { offered } = this.#question
    const isReplaced = this.#answer !== null && !isFailureStatus(this.#answer.origin.status)
    if (offered !== null && isReplaced) this.#around.drop(offered)
  }

  #kept(entry: StoredEntry): void {
    this.#around.count.committed(this.passage.scope.route)
    this.#around.forms.noteStored(this.passage, entry)
    trimVariants(this.#around, entry, this.passage.scope.settings.maxVariants)
  }

  #confirm(origin: OriginHead, offered: StoredEntry): void {
    const answer = { status: 304, headers: withoutFraming(endToEndFields(origin.rawHeaders)) }
    const confirmed = confirm(this.#around, offered, {
      passage: this.passage,
      answer,
      times: this.#asking.times(),
    })
    this.#asking.ignore()
    if (confirmed === null) return this.#askAnew(offered)
    this.state = 'done'
    this.#confirmed = { entry: offered, head: confirmed.head }
    if (!confirmed.isKept) {
      this.isVoid = true
      this.#audience.dismissAllButLeader()
    }
    this.#serveWaiting(this.#confirmed, confirmed.clientFields)
    this.#settle(confirmed.saved, () => {})
  }

  #serveWaiting(stored: StoredWithHead, leaderFields: readonly string[] = []): void {
    for (const reader of this.#audience.waiting()) {
      const { request, facts } = reader.passage
      const isTheirs = reader.isLeader || !isGuessForCookie(stored.head, facts)
      if (isTheirs && matchesVary(stored.head, request)) this.#serve(reader, stored, leaderFields)
      else this.#audience.dismiss(reader)
    }
  }

  #serve(reader: FillReader, stored: StoredWithHead, leaderFields: readonly string[] = []): void {
    const wasAsked = this.#asking.hasBegun
    const notes = wasAsked ? { forwardStatus: 304 } : {}
    this.#audience.serve(reader, stored, { outcome: wasAsked ? 'revalidated' : 'coalesced', notes, leaderFields })
  }

  /** The 304 was about something else: ask without conditions, for the whole answer. */
  #askAnew(offered: StoredEntry): void {
    this.#around.drop(offered)
    this.#question = { request: wholeRequest(this.#question.request), isWhole: true, offered: null }
    this.start()
  }

  /** The origin fails, and nobody is left who waits for it. */
  #giveUp(): void {
    if (this.#isBackground) this.#around.traits.refreshFailed(this.passage.key)
    this.#asking.ignore()
    this.#feeding.drop()
    this.state = 'done'
    this.#detach()
  }

  // Pace and end.

  #pace(): void {
    // What turns out to be too long for the store is for readers alone.
    if (this.state === 'body' && this.#audience.size === 0 && !this.#feeding.isOpen) return this.#close()
    const mustWait = this.#feeding.isBusy || this.#audience.mustOriginWait(this.#body)
    this.#asking.pause(this.state === 'body' && mustWait)
  }

  /** Nobody waits any more. */
  #close(): void {
    this.#dropReplaced()
    this.state = 'done'
    this.#feeding.drop()
    this.#asking.giveUp()
    this.#detach()
  }

  /** Stays to be joined until the store has what came: who looks it up before finds nothing. */
  #settle<T>(outcome: Awaitable<T>, then: (outcome: T) => unknown): void {
    if (!(outcome instanceof Promise)) {
      then(outcome)
      return this.#detach()
    }
    void outcome.then(settled => {
      then(settled)
      this.#over()
      this.#timer = setTimeout(() => this.#detach(), LINGER_MS)
    })
  }

  #detach(): void {
    this.#stopTimer()
    this.#isDetached = true
    this.#around.forget(this)
    this.#over()
    // Nobody joins any more: what all readers are past is let go of.
    this.#body.isWhole = false
    if (this.#audience.size === 0) this.#body.clear()
  }

  /** The right to fill the key goes to whoever wants it next. */
  #over(): void {
    this.onOver?.()
    this.onOver = null
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

function isFresh(head: StoredHead): boolean {
  return currentAgeMs(head, Date.now()) < head.freshness.lifetimeMs
}
