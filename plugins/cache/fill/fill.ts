/**
 * One question to the origin for one key (fill-run.ts), and everybody who waits for its answer: decides on the head what the
 * answer is for whom, feeds the store, and lets each reader read at its own pace. Nobody's leaving ends it but the last one's.
 */
import type { BagMember } from '../../contract/index.ts'
import { headOf, type Passage } from '../passage.ts'
import { isFailureStatus } from '../rules/reuse.ts'
import type { StoredHead } from '../rules/types.ts'
import { matchesVary } from '../rules/vary.ts'
import type { Awaitable, StoredEntry } from '../stores/index.ts'
import { endToEndFields, type OriginHead, withoutFraming } from './attempt.ts'
import { confirmedAs } from './audience.ts'
import type { FillReader, ReadFill } from './fill-reader.ts'
import { FillRun } from './fill-run.ts'
import type { StoredWithHead } from './fill-surroundings.ts'
import { leadersOwnHead, type OriginAnswer, readOriginAnswer, sharedHead, unchangedHead } from './origin-answer.ts'
import { failureOf } from './origin-failure.ts'
import { confirm } from './revalidated.ts'
import { canBeKept, decideSharing, withLength } from './sharing.ts'
import { Stillness } from './stillness.ts'
import { openFeed } from './store-feed.ts'
import { trimVariants } from './trim-variants.ts'

/** Bytes and time for which a new answer is held back while a stale one could still stand in for it. */
const HOLD_BYTES = 256 * 1024
const HOLD_MS = 100

export class Fill extends FillRun implements ReadFill, BagMember {
  bagIndex = -1
  readonly #stillness = new Stillness()
  /** The origin lets its readers wait too long: nobody else is to wait for it. */
  #isLate = false
  /** What everybody may have, once it is known. */
  #shared: StoredHead | null = null
  /** What the origin has confirmed. */
  #confirmed: StoredWithHead | null = null
  /** The answer is held back: what is stored could still stand in for it. */
  #isHeld = false
  /** A chunk is being given to everybody. */
  #isGiving = false

  /** Whether somebody who comes now can still have all of it. */
  admits(passage: Passage): boolean {
    if (!this.isJoinable || this.isVoid || this.#isLate) return false
    const asksAbout = passage.way === 'revalidate' ? passage.stored?.variant : undefined
    if (this.question.offered?.variant !== asksAbout) return false
    if (this.state === 'head' || this.#isHeld) return true
    if (this.#confirmed !== null) return this.around.isFresh(this.#confirmed.head, passage)
    if (this.#shared === null || !canBeKept(this.#shared, this.body) || !matchesVary(this.#shared, passage.request))
      return false
    // RFC 9111 §5.2.1: from its head on it is a stored answer like any other, which a reload does not want.
    return this.around.isFresh(this.#shared, passage)
  }

  add(reader: FillReader): void {
    this.audience.add(reader)
    reader.fill = this
    if (this.#confirmed !== null) this.audience.serve(reader, this.#confirmed, confirmedAs(this.asking.hasBegun))
    else if (this.state !== 'head' && !this.#isHeld) this.#admit(reader)
  }

  /** Another gateway has stored the answer meanwhile. */
  answerFrom(entry: StoredEntry): void {
    this.#confirmed = { entry, head: headOf(entry) }
    this.state = 'done'
    this.audience.serveWaiting(this.#confirmed, confirmedAs(this.asking.hasBegun))
    this.detach()
  }

  checkTime(nowMs: number, mostMs: number): void {
    if (this.state === 'body') {
      this.audience.breakOffStalled(this.body, nowMs)
      const { isPaused } = this.asking
      if (this.#stillness.exceeds(mostMs, { total: this.body.total, isPaused, nowMs })) this.#isLate = true
    }
    if (this.state !== 'head' || !this.audience.hasOverdue(nowMs, mostMs)) return
    this.#isLate = true
    this.audience.dismissOverdue(nowMs, mostMs)
  }

  // What the origin says.

  head(origin: OriginHead): void {
    if (origin.status < 200) return this.audience.interim(origin)
    const { offered } = this.question
    if (origin.status === 304 && offered !== null) return this.#confirm(origin, offered)
    if (isFailureStatus(origin.status)) {
      this.audience.standIn(origin.status)
      if (this.audience.size === 0) return this.giveUp()
    }
    this.state = 'body'
    const asked = { passage: this.passage, isWhole: this.question.isWhole }
    const answer = readOriginAnswer(origin, asked, this.asking.times())
    this.answer = answer
    // RFC 9111 §4.4 comes first: what it makes void is not what is stored now.
    let invalidated: Awaitable<unknown> = null
    if (this.passage.way === 'unsafe') invalidated = this.around.invalidate(this.passage, origin)
    else {
      invalidated = this.around.releases.see(this.passage, origin.status, answer.facts)
      this.around.traits.learnFrom(this.passage.key, answer.decision, origin.status)
    }
    if (answer.head === null) this.#keepForLeader(answer)
    else this.#share(answer.head, invalidated)
  }

  data(chunk: Buffer): void {
    this.feeding.write(chunk)
    this.body.push(chunk)
    this.#learnLength()
    if (this.#isHeld && this.body.total > HOLD_BYTES) this.#release()
    this.#isGiving = true
    this.audience.pump(this.body)
    this.#isGiving = false
    this.pace()
  }

  end(trailers: string[] | null): void {
    this.audience.giveTrailers(trailers)
    this.body.isEnded = true
    this.#release()
    this.state = 'done'
    this.audience.pump(this.body)
    const outcome = this.feeding.finish()
    if (outcome === null) {
      this.dropReplaced()
      this.detach()
    } else this.settle(outcome, settled => (settled.stored ? this.#kept(settled.entry) : this.dropReplaced()))
  }

  fail(error: Error): void {
    if (this.state === 'head' || this.#isHeld) this.audience.standIn(failureOf(error))
    this.audience.fail(error)
    this.giveUp()
  }

  // What its readers say.

  readerMoved(reader: FillReader): void {
    // All of them are looked at once when everybody has been given the chunk.
    if (this.#isGiving) return
    if (!reader.paused) reader.pump(this.body)
    if (!this.body.isWhole) this.audience.forgetRead(this.body)
    this.pace()
  }

  readerLeft(reader: FillReader, isServed: boolean): void {
    this.audience.remove(reader)
    if (this.state === 'done') this.clearUnread()
    else if (this.audience.size > 0 || this.isBackground || this.body.isEnded) this.pace()
    // Who got the part it wanted leaves the rest to the store.
    else if (isServed && this.feeding.isOpen) this.pace()
    else this.close()
  }

  // What the answer is, and for whom.

  /** An answer without a length shows late that it is too long: ranges of it are the origin's to answer. */
  #learnLength(): void {
    const { scope, key } = this.passage
    const isTooLong = this.#shared?.bodyLength === null && this.body.total > scope.settings.maxObjectBytes
    if (isTooLong) this.around.traits.learn(key, 'alone')
  }

  /** Everybody whose request selects this answer gets it; the others look for another. */
  #share(head: StoredHead, after: Awaitable<unknown>): void {
    // A part answers one request; who waits for the whole is not served by it.
    if (head.isPartial === null) this.#shared = head
    const { store, kept } = this.around
    const fed = { store, kept, passage: this.passage, head, isVoid: () => this.isVoid }
    if (!this.isVoid) this.feeding.open(openFeed(fed, after))
    this.#isHeld = this.question.offered !== null && this.audience.haveAllStandIns('cut')
    if (this.#isHeld) this.startTimer(() => this.#release(), HOLD_MS)
    else this.#release()
  }

  #release(): void {
    this.stopTimer()
    this.#isHeld = false
    if (this.answer?.head !== null) for (const reader of this.audience.waiting()) this.#admit(reader)
  }

  /** The answer is known and can be had from its first byte. */
  #admit(reader: FillReader): void {
    const { passage, isLeader } = reader
    const shared = this.#shared
    if (!isLeader) {
      const sharing = decideSharing(shared, this.body, passage)
      if (sharing === 'alone') reader.mustGoAlone = true
      if (sharing !== 'shared') return this.audience.dismiss(reader)
    }
    const { origin } = this.answer as OriginAnswer
    const forwardStatus = this.question.offered === null ? null : origin.status
    const status = this.around.status(reader, { forwardStatus, stored: this.feeding.isOpen })
    this.around.count.outcome(passage, isLeader ? 'miss' : 'coalesced')
    const isUnchanged = isLeader && !this.question.isWhole
    if (isUnchanged || shared === null) reader.begin(unchangedHead(origin, status))
    else {
      const facts = this.around.forms.factsFor(passage, shared)
      reader.begin(sharedHead(withLength(shared, this.body), { facts, isLeader }, origin.message, status))
    }
    reader.pump(this.body)
  }

  /** RFC 9111 §4: an answer that may not be stored is for the one whose request went to the origin. */
  #keepForLeader(answer: OriginAnswer): void {
    const { offered, isWhole } = this.question
    const reason = answer.decision.store ? 'nothing-to-reuse' : answer.decision.reason
    this.around.count.refused(this.passage.scope.route, reason)
    this.dropReplaced()
    this.body.isWhole = false
    this.over()
    this.audience.dismissAllButLeader()
    const { leader } = this.audience
    if (leader === null) return this.close()
    const forwardStatus = offered === null ? null : answer.origin.status
    const status = this.around.status(leader, { forwardStatus, detail: reason })
    this.around.count.outcome(leader.passage, 'miss')
    leader.begin(isWhole ? leadersOwnHead(answer, leader, status) : unchangedHead(answer.origin, status))
  }

  // What is stored.

  #kept(entry: StoredEntry): void {
    this.around.count.committed(this.passage.scope.route)
    this.around.forms.noteStored(this.passage, entry)
    trimVariants(this.around, entry, this.passage.scope.settings.maxVariants)
  }

  #confirm(origin: OriginHead, offered: StoredEntry): void {
    const answer = { status: 304, headers: withoutFraming(endToEndFields(origin.rawHeaders)) }
    const confirmed = confirm(this.around, offered, {
      passage: this.passage,
      answer,
      times: this.asking.times(),
    })
    this.asking.ignore()
    if (confirmed === null) return this.askAnew(offered)
    this.around.releases.confirm(this.passage, offered)
    this.state = 'done'
    this.#confirmed = { entry: offered, head: confirmed.head }
    if (!confirmed.isKept) {
      this.isVoid = true
      this.audience.dismissAllButLeader()
    }
    this.audience.serveWaiting(this.#confirmed, confirmedAs(this.asking.hasBegun, confirmed.clientFields))
    this.settle(confirmed.saved, () => {})
  }
}
