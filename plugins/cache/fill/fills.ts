/**
 * The fills that run, by key: who may join which, who leads a new one, and who has to go alone. Bounded in number, in
 * waiters and in time.
 */
import type { Dispatcher } from 'undici'
import { Bag } from '../../contract/index.ts'
import type { Dispatch, ExchangeHandler, ExchangeRequest, FollowedExchange } from '../../upstream/index.ts'
import { bytesOf, codingOf, planAnswer } from '../answer/answer-plan.ts'
import { openStored } from '../answer/stored-source.ts'
import { headOf, type Passage } from '../passage.ts'
import { ageField } from '../rules/age.ts'
import { decideReuse, decideStaleIfError, isGuessForCookie, type OriginFailure } from '../rules/reuse.ts'
import type { StoredHead } from '../rules/types.ts'
import type { CacheCounters } from '../signals.ts'
import type { CacheStore, StoredEntry } from '../stores/index.ts'
import type { CodedForms } from '../variants/index.ts'
import { Fill } from './fill.ts'
import { KeptBytes } from './fill-body.ts'
import type { FillPlan } from './fill-plan.ts'
import { FillReader } from './fill-reader.ts'
import type { FillSurroundings, ForwardNotes, StoredWithHead } from './fill-surroundings.ts'
import { forwardLine, UnkeptLines } from './forward-lines.ts'
import { KeyTraits } from './key-traits.ts'
import { conditionalRequest, isSelective, wholeRequest } from './outgoing.ts'
import { Releases } from './releases.ts'
import { SoleAnswer, type SoleSurroundings, type TakenOver } from './sole-answer.ts'
import { startInTurn } from './turn.ts'

/** Fills that others may join; beyond that requests go alone. */
const MOST_FILLS = 1_024
/** Requests that wait for one fill. */
const MOST_WAITERS = 1_024
/** Fills that a request joins in vain, one a variant, before it goes alone. */
const MOST_RETRIES = 4
/** How long somebody waits for the head of another's answer (security.md). */
const WAIT_MS = 5_000

export interface FillsSetup {
  readonly store: CacheStore
  readonly count: CacheCounters
  readonly forms: CodedForms
  /** Other processes fill the same store: one of them fills a key, the others wait for it. */
  readonly isStoreShared: boolean
  readonly now: () => number
}

/** What is being asked of an origin, for one or for many. */
type Running = Fill | SoleAnswer

export class Fills implements FillSurroundings, SoleSurroundings {
  readonly store: CacheStore
  readonly count: CacheCounters
  readonly forms: CodedForms
  readonly traits = new KeyTraits()
  readonly kept = new KeptBytes()
  readonly releases = new Releases(this)
  readonly #setup: FillsSetup
  /** Those that others may join, by key. */
  readonly #running = new Map<string, Fill[]>()
  readonly #all = new Bag<Running>()
  readonly #unkeptLines = new UnkeptLines()
  #size = 0
  /** Way on to the origins. */
  next!: Dispatch
  invalidate!: FillSurroundings['invalidate']

  constructor(setup: FillsSetup) {
    this.#setup = setup
    this.store = setup.store
    this.count = setup.count
    this.forms = setup.forms
  }

  get size(): number {
    return this.#all.size
  }

  get waiters(): number {
    let waiters = 0
    this.#all.visit(fill => {
      waiters += fill.waiters
    })
    return waiters
  }

  /** Answers a request through a fill: one that runs, or its own. */
  take(passage: Passage, request: ExchangeRequest, handler: ExchangeHandler): FollowedExchange {
    const path = passage.keyedTarget
    const asked = path === request.path ? request : { ...request, path }
    if (passage.way === 'fill' && passage.stored === null && !this.#mayCoalesce(passage)) {
      return this.#askFor(new SoleAnswer(passage, asked, handler, this))
    }
    const reader = new FillReader(passage, asked, handler)
    reader.start()
    if (!reader.isOver) this.#place(reader)
    return reader
  }

  /** Asks the origin in the background, unless somebody does already. */
  refresh(passage: Passage, request: ExchangeRequest): void {
    const { stored } = passage
    if (stored === null || !this.traits.mayRefresh(passage.key) || this.#size >= MOST_FILLS) return
    if (this.#running.get(passage.key)?.some(fill => fill.asksAbout(stored))) return
    this.#lead(
      {
        passage,
        request: { ...conditionalRequest(request, headOf(stored)), path: passage.keyedTarget },
        offered: stored,
        isWhole: true,
        isJoinable: true,
        isBackground: true,
      },
      null,
    )
  }

  /** What runs under a key that has become void is for those who wait for it, and not to be stored. True = there was some. */
  makeVoid(isNamed: (fill: Running) => boolean): boolean {
    let isFound = false
    this.#all.visit(fill => {
      if (!isNamed(fill)) return
      isFound = true
      fill.makeVoid()
    })
    return isFound
  }

  /** `nowMs` of a clock that nobody sets: waits have nothing to do with dates. */
  sweep(nowMs: number): void {
    this.#all.visit(fill => fill.checkTime(nowMs, WAIT_MS))
  }

  #place(reader: FillReader): void {
    const { passage } = reader
    reader.isLeader = false
    if (!this.#mayCoalesce(passage)) return this.#lead(this.#plan(reader, false), reader)
    const running = this.#running.get(passage.key)?.find(fill => fill.waiters < MOST_WAITERS && fill.admits(passage))
    if (running === undefined) return this.#lead(this.#plan(reader, this.#size < MOST_FILLS), reader)
    reader.waitsSinceMs = performance.now()
    running.add(reader)
  }

  /** A POST whose answer may be kept for GET has a body, which can be sent once. */
  takeAlone(passage: Passage, request: ExchangeRequest, handler: ExchangeHandler): FollowedExchange {
    return this.#askFor(new SoleAnswer(passage, request, handler, this))
  }

  #askFor(sole: SoleAnswer): FollowedExchange {
    this.#all.add(sole)
    try {
      return this.next(sole.passage.call.upstream, sole.request, sole)
    } catch (error) {
      this.forget(sole)
      throw error
    }
  }

  /** From its head on, an answer worth keeping is a fill like any other that nobody may join. */
  takeOver(sole: SoleAnswer, controller: Dispatcher.DispatchController): TakenOver {
    const { passage, request } = sole
    const plan = { passage, request, offered: null, isWhole: false, isJoinable: false, isBackground: false }
    const fill = new Fill(plan, this, this.next)
    const reader = new FillReader(passage, request, sole.client)
    reader.isLeader = true
    reader.paused = controller.paused
    this.#all.add(fill)
    fill.add(reader)
    return { reader, attempt: fill.takeOver(controller, sole.requestTimeMs) }
  }

  #mayCoalesce({ scope, facts, key, request, way, stored }: Passage): boolean {
    if (!scope.coalesce || request.method !== 'GET' || facts.hasAuthorization || facts.directives.noStore) return false
    // A 304 to somebody else says nothing of what the app has for this one.
    if (way === 'revalidate' && stored !== null && isGuessForCookie(headOf(stored), facts)) return false
    return this.traits.get(key) !== 'alone'
  }

  #plan(reader: FillReader, mayBeJoined: boolean): FillPlan {
    const { passage, request } = reader
    const { stored, facts } = passage
    const shared = { passage, isBackground: false }
    if (passage.way === 'revalidate' && stored !== null) {
      const asked = conditionalRequest(request, headOf(stored))
      return { ...shared, request: asked, offered: stored, isWhole: true, isJoinable: mayBeJoined }
    }
    if (!isSelective(facts)) return { ...shared, request, offered: null, isWhole: false, isJoinable: mayBeJoined }
    // house.md: what a client asks for goes up unchanged, unless the whole is known to fit and to be anybody's.
    const isWhole = mayBeJoined && this.traits.get(passage.key) === 'shareable'
    const asked = isWhole ? wholeRequest(request) : request
    return { ...shared, request: asked, offered: null, isWhole, isJoinable: isWhole }
  }

  #lead(plan: FillPlan, reader: FillReader | null): void {
    const hasStandIn = plan.isBackground || this.mayStandIn(plan.passage, 'connect')
    const request = hasStandIn ? { ...plan.request, hasStandIn } : plan.request
    const fill = new Fill({ ...plan, request }, this, this.next)
    this.#all.add(fill)
    if (plan.isJoinable) this.#register(plan.passage.key, fill)
    if (reader !== null) {
      reader.isLeader = true
      fill.add(reader)
    }
    if (!plan.isJoinable || !this.#setup.isStoreShared) return fill.start()
    startInTurn(fill, this, this.#setup.now)
  }

  #register(key: string, fill: Fill): void {
    const running = this.#running.get(key)
    if (running === undefined) this.#running.set(key, [fill])
    else running.push(fill)
    this.#size++
  }

  // What fills need of the cache around them.

  status(reader: FillReader, notes: ForwardNotes): string[] {
    return ['Cache-Status', forwardLine(reader, notes)]
  }

  statusOfUnkept(passage: Passage, detail: string | null): string {
    return this.#unkeptLines.of(passage, detail)
  }

  serve(reader: FillReader, stored: StoredWithHead, fields: readonly string[]): void {
    const making = this.forms.makePlain(reader.passage, stored.entry)
    if (making === null) this.#serveForm(reader, stored, fields)
    else void making.then(() => this.#serveForm(reader, stored, fields))
  }

  #serveForm(reader: FillReader, { entry, head }: StoredWithHead, fields: readonly string[]): void {
    const { passage } = reader
    const { request, scope } = passage
    const now = this.#setup.now()
    const facts = this.forms.factsFor(passage, head)
    const choice = this.forms.choose(passage, entry)
    const plan = planAnswer(head, entry.bodyLength, { method: request.method, facts, choice }, now)
    if (plan === null) return this.retry(reader)
    const sent = choice !== null && plan.isCoded ? choice.entry : entry
    passage.coding = codingOf(plan, choice)
    const extraFields = ['Age', ageField(head, now), ...fields]
    const opened = openStored(this.store, { entry: sent, plan, extraFields })
    const run = (source: Awaited<typeof opened>): void => {
      if (reader.isOver) return source?.abort(new Error('the client has left'))
      if (source === null && sent !== entry) {
        this.forms.lose(passage)
        return this.#serveForm(reader, { entry, head }, fields)
      }
      if (source === null) return this.retry(reader)
      this.count.bytesFromStore(scope.route, bytesOf(plan, sent.bodyLength))
      this.forms.noteSent({ passage, entry, sent, incoming: reader.request.incoming })
      reader.serve(source)
    }
    if (opened instanceof Promise) void opened.then(run)
    else run(opened)
  }

  drop(entry: StoredEntry): void {
    void this.forms.dropFormsOf(entry)
    void this.store.delete(entry.key, entry.variant)
  }

  retry(reader: FillReader): void {
    if (reader.isOver) return
    const { passage } = reader
    passage.way = 'fill'
    // A variant that is not the running one is another's to fill, once; an answer of one person is everybody's own.
    const isWorthJoining =
      !reader.mustGoAlone && this.#mayCoalesce(passage) && this.traits.get(passage.key) === 'shareable'
    if (isWorthJoining && reader.retries++ < MOST_RETRIES) return this.#place(reader)
    this.#lead(
      { passage, request: reader.request, offered: null, isWhole: false, isJoinable: false, isBackground: false },
      reader,
    )
  }

  forget(gone: Running): void {
    this.#all.delete(gone)
    if (!(gone instanceof Fill) || !gone.isJoinable) return
    const { key } = gone.passage
    const running = this.#running.get(key)
    const at = running?.indexOf(gone) ?? -1
    if (running === undefined || at === -1) return
    this.#size--
    if (running.length === 1) this.#running.delete(key)
    else running.splice(at, 1)
  }

  isFresh(head: StoredHead, { request, hasBody, facts, scope }: Passage): boolean {
    const asked = { method: request.method, hasBody, facts }
    return decideReuse(head, asked, scope.settings, this.#setup.now()).use === 'fresh'
  }

  mayStandIn({ stored, facts, scope }: Passage, failure: OriginFailure): boolean {
    if (stored === null) return false
    const { use } = decideStaleIfError(headOf(stored), { facts, failure }, scope.settings, this.#setup.now())
    return use === 'stale-if-error'
  }
}
