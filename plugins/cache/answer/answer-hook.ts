/**
 * The half of the cache that faces the client: looks a request up in the first hook and answers it from the store, or
 * leaves a note of what it found for the half that faces the origin.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { holdingClient } from '../../contract/index.ts'
import { bodyLength, hasLeft, type ProxyCall, type ProxyHooks, sendFailure } from '../../proxy/index.ts'
import { onlyIfCached } from '../errors.ts'
import type { Fills } from '../fill/fills.ts'
import { isAskable } from '../fill/outgoing.ts'
import { CACHE_NAME } from '../names.ts'
import { type CacheScope, headOf, Passage } from '../passage.ts'
import { ageField } from '../rules/age.ts'
import { formatCacheStatus } from '../rules/cache-status.ts'
import { decideReuse, type ReuseDecision } from '../rules/reuse.ts'
import type { CacheCounters } from '../signals.ts'
import type { CacheStore, StoredEntry, VariantSet } from '../stores/index.ts'
import type { CodedForms } from '../variants/index.ts'
import { type AnswerPlan, bytesOf, codingOf, planAnswer } from './answer-plan.ts'
import { decideWay } from './decide-way.ts'
import { quickPlan } from './quick-plan.ts'
import { openStored, readFirst, type StoredSource } from './stored-source.ts'

export interface AnswerHookSetup {
  readonly store: CacheStore
  readonly fills: Fills
  readonly count: CacheCounters
  readonly forms: CodedForms
  readonly proxy: ProxyHooks
  readonly now: () => number
  settingsFor(request: FastifyRequest, call: ProxyCall): CacheScope | null
}

type Next = () => void

export function answerHook(setup: AnswerHookSetup) {
  return (request: FastifyRequest, reply: FastifyReply, next: Next): void => {
    const call = setup.proxy.callFor(request)
    const scope = call === null ? null : setup.settingsFor(request, call)
    if (call === null || scope === null) return next()
    const { raw } = request
    const hasBody = bodyLength(raw) !== null
    const isHolding = holdingClient(raw) !== undefined
    const { method = 'GET', rawHeaders } = raw
    const passage = new Passage({ owner: setup.fills, call, scope, method, rawHeaders, hasBody, isHolding })
    request.cachePassage = passage
    const { way, reason } = decideWay(passage)
    passage.reason = reason
    if (way !== null) {
      passage.way = way
      return next()
    }
    const found = setup.store.lookup(passage.key)
    if (found instanceof Promise)
      void found.then(variants => answer(setup, { request, reply, passage, next }, variants))
    else answer(setup, { request, reply, passage, next }, found)
  }
}

interface Looked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly passage: Passage
  readonly next: Next
}

function answer(setup: AnswerHookSetup, looked: Looked, variants: VariantSet | null): void {
  const { passage } = looked
  passage.take(variants)
  const decision = reuse(setup, passage, passage.stored)
  passage.decision = decision
  passage.reason = decision.reason
  if (isUsable(decision)) return serveForm(setup, looked, passage.stored as StoredEntry, decision)
  const ofPart = passage.part === null ? null : reuse(setup, passage, passage.part)
  if (passage.part !== null && ofPart?.use === 'fresh') return serve(setup, looked, passage.part, ofPart)
  passAlong(setup, looked)
}

function reuse({ now }: AnswerHookSetup, passage: Passage, entry: StoredEntry | null): ReuseDecision {
  const { request, hasBody, facts, scope } = passage
  return decideReuse(
    entry === null ? null : headOf(entry),
    { method: request.method, hasBody, facts },
    scope.settings,
    now(),
  )
}

function isUsable({ use }: ReuseDecision): boolean {
  return use === 'fresh' || use === 'stale' || use === 'stale-while-revalidate'
}

/** The origin has to be asked; the other half finds in the passage what with. */
function passAlong({ count }: AnswerHookSetup, { passage, reply, next }: Looked): void {
  if (hasLeft(reply.raw)) return void reply.hijack()
  // RFC 9111 §5.2.1.7
  if (passage.facts.directives.onlyIfCached) {
    count.outcome(passage, 'only-if-cached')
    return sendFailure(reply, passage.call, onlyIfCached())
  }
  const { stored, decision, request } = passage
  if (request.method === 'HEAD') {
    passage.way = 'through'
  } else {
    const canAsk = stored !== null && isAskable(headOf(stored))
    passage.way = decision?.use === 'revalidate' && canAsk ? 'revalidate' : 'fill'
  }
  next()
}

/** Who needs the plain form of what came encoded waits until it is made, once for all. */
function serveForm(setup: AnswerHookSetup, looked: Looked, entry: StoredEntry, decision: ReuseDecision): void {
  const making = setup.forms.makePlain(looked.passage, entry)
  if (making === null) serve(setup, looked, entry, decision)
  else void making.then(() => serve(setup, looked, entry, decision))
}

function serve(setup: AnswerHookSetup, looked: Looked, entry: StoredEntry, decision: ReuseDecision): void {
  const { passage } = looked
  const { request } = passage
  const head = headOf(entry)
  const facts = setup.forms.factsFor(passage, head)
  const choice = setup.forms.choose(passage, entry)
  const forms = passage.forms?.entry === entry ? passage.forms : null
  const quick = forms === null ? null : quickPlan(passage, forms, choice)
  const plan = quick?.plan ?? planAnswer(head, entry.bodyLength, { method: request.method, facts, choice }, setup.now())
  if (plan === null) return passAlong(setup, looked)
  const sent = choice !== null && plan.isCoded ? choice.entry : entry
  passage.coding = codingOf(plan, choice)
  const first = readFirst(setup.store, sent, plan)
  const status = formatCacheStatus(CACHE_NAME, { hit: true, ttlMs: decision.ttlMs })
  const age = ageField(head, setup.now())
  if (quick !== null && (first === undefined || Buffer.isBuffer(first)) && !hasLeft(looked.reply.raw)) {
    const answer = { head: quick.headFor(passage.call), age, cacheStatus: status, body: first ?? null }
    if (setup.proxy.answerPrepared(looked.reply, passage.call, answer)) {
      noteServed(setup, looked, { entry, sent, plan, decision })
      return refreshBehind(setup, looked, decision)
    }
  }
  const extraFields = ['Age', age, 'Cache-Status', status]
  const opened = openStored(setup.store, { entry: sent, plan, extraFields }, first)
  if (opened instanceof Promise)
    void opened.then(source => begin(setup, looked, { entry, sent, source, plan, decision }))
  else begin(setup, looked, { entry, sent, source: opened, plan, decision })
}

interface Served {
  readonly entry: StoredEntry
  /** The entry whose body goes out: the same, or a coded form of it. */
  readonly sent: StoredEntry
  readonly plan: AnswerPlan
  readonly decision: ReuseDecision
}

function noteServed(setup: AnswerHookSetup, looked: Looked, { entry, sent, plan, decision }: Served): void {
  const { request, passage } = looked
  setup.count.outcome(passage, decision.use === 'fresh' ? 'hit' : 'stale')
  setup.count.bytesFromStore(passage.scope.route, bytesOf(plan, sent.bodyLength))
  setup.forms.noteSent({ passage, entry, sent, incoming: request })
}

function refreshBehind({ fills, proxy }: AnswerHookSetup, { request, passage }: Looked, { use }: ReuseDecision): void {
  if (use === 'stale-while-revalidate') fills.refresh(passage, proxy.headRequest(request, passage.call))
}

interface Opened extends Served {
  readonly source: StoredSource | null
}

function begin(setup: AnswerHookSetup, looked: Looked, opened: Opened): void {
  const { reply, passage } = looked
  const { entry, sent, source, decision } = opened
  // The body is gone since the look-up.
  if (source === null) {
    if (sent !== entry) {
      setup.forms.lose(passage)
      return serve(setup, looked, entry, decision)
    }
    passage.lose(entry)
    if (passage.stored === null) passage.reason = 'absent'
    return passAlong(setup, looked)
  }
  if (hasLeft(reply.raw)) {
    reply.hijack()
    return source.abort(new Error('the client has left'))
  }
  noteServed(setup, looked, opened)
  source.run(setup.proxy.answer(reply, passage.call))
  refreshBehind(setup, looked, decision)
}
