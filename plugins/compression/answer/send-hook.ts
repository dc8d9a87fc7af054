/**
 * The plugin's onSend hook: takes the body of an answer that has a plan through an encoder, at once where it is whole and
 * short, as a stream otherwise. Everything else leaves as it came.
 */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addNote, flushHead } from '../../contract/index.ts'
import { encodeNow } from '../codec/codecs.ts'
import { encodeBody } from '../codec/encoded-body.ts'
import { HOLD_MS, readFirstBlock } from '../codec/first-block.ts'
import { type HandOver, looksCompressed } from '../codec/hand-over.ts'
import type { Ticker } from '../codec/ticker.ts'
import type { Costs } from '../measure/costs.ts'
import type { LoadWatch } from '../measure/load.ts'
import type { RouteRules } from '../route-rules.ts'
import { isEncodedAtOnce, MAX_AT_ONCE_BYTES } from '../rules/at-once.ts'
import { high } from '../rules/levels.ts'
import { surelyShrinks } from '../rules/surely-shrinks.ts'
import { decodedAnswer } from './decoded-answer.ts'
import { pickLevel } from './pick-level.ts'
import type { Plan } from './plan.ts'
import { markEncodedReply } from './reply-head.ts'
import { type PlanSetup, takePlan } from './take-plan.ts'

/** A long body that was there as a whole goes into the thread pool in pieces of this length. */
const SLICE_BYTES = 64 * 1024
/** What is looked at of a longer body before its head leaves. */
const FIRST_BLOCK_BYTES = 16 * 1024
/** A body, or its first block, has to become shorter by this much to be worth a label. */
const WORTH = 0.97

export interface SendSetup extends PlanSetup {
  readonly costs: Costs
  readonly load: LoadWatch
  readonly ticker: Ticker
  readonly handOver: HandOver
  rulesByName(route: string): RouteRules | null
  /** How fast the client of the request reads, bytes a millisecond. */
  paceOf(request: FastifyRequest): number
  /** Whether @fastify/compress has its hook on the route of the request. */
  isHandedOver(request: FastifyRequest): boolean
}

const NOTHING = Buffer.alloc(0)

type Done = (error: Error | null, payload?: unknown) => void

export function sendHook(setup: SendSetup) {
  return (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const plan = takePlan(setup, request, reply, payload)
    const leave = () => {
      setup.handOver.leaveAlone(request)
      done(null, isUncounted(request, payload) ? Readable.from([]) : payload)
    }
    if (plan === null) return leave()
    if ('decode' in plan) {
      setup.handOver.leaveAlone(request)
      return done(null, decodedAnswer(payload, plan, setup))
    }
    const sending = { setup, request, reply, plan }
    if (Buffer.isBuffer(payload)) return sendWhole(sending, payload, done)
    if (typeof payload === 'string') return sendWhole(sending, Buffer.from(payload), done)
    if (payload instanceof Readable) return sendStream(sending, payload, done)
    giveUp(sending, 'payload')
    leave()
  }
}

/** Fastify would tell the length of this body, which a GET would get encoded (RFC 9110 §8.6); that of a stream it does not. */
function isUncounted({ method, compressionFacts }: FastifyRequest, payload: unknown): boolean {
  const isWhole = typeof payload === 'string' || Buffer.isBuffer(payload)
  return method === 'HEAD' && isWhole && payload.length > 0 && compressionFacts?.reason === 'method'
}

interface Sending {
  readonly setup: SendSetup
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly plan: Plan
}

function sendWhole(sending: Sending, body: Buffer, done: Done): void {
  const { setup, request, reply, plan } = sending
  const { minSize } = plan.rules
  if (body.length < minSize) return sendPlain(sending, 'small', body, done)
  const level = levelFor(sending, body.length)
  if (!isAtOnce(sending, body.length, level)) return encodeSlices(sending, level, body, done)
  const began = performance.now()
  const encoded = encodeNow(body, plan.coding, level)
  const ms = performance.now() - began
  learn(sending, level, { bytesIn: body.length, bytesOut: encoded.length, busyMs: ms })
  if (encoded.length > body.length * WORTH) {
    spend(sending, ms)
    return sendPlain(sending, 'no-gain', body, done)
  }
  account(sending, { bytesIn: body.length, bytesOut: encoded.length, busyMs: ms })
  noteEncoded(sending, level)
  const isHandedOver = setup.isHandedOver(request) && !looksCompressed(body) && isVaryReady(reply)
  markEncodedReply(reply, plan.coding, isHandedOver)
  if (!isHandedOver) return done(null, encoded)
  setup.handOver.give(request, body, plan.coding, encoded)
  done(null, body)
}

/** The plugin behind looks for the token in lower case, and would add it behind a `*`. */
function isVaryReady(reply: FastifyReply): boolean {
  return String(reply.getHeader('vary')).includes('accept-encoding')
}

function isAtOnce({ setup, plan }: Sending, length: number, level: number): boolean {
  return isEncodedAtOnce(length, setup.costs.of(plan.coding, level, plan.contentClass).msPerKiB)
}

function encodeSlices(sending: Sending, level: number, body: Buffer, done: Done): void {
  if (!shrinks(body, sending)) return sendPlain(sending, 'no-gain', body, done)
  encodeRest(sending, level, { source: Readable.from(slices(body)), first: NOTHING }, done)
}

function* slices(body: Buffer): Iterable<Buffer> {
  for (let at = 0; at < body.length; at += SLICE_BYTES) yield body.subarray(at, at + SLICE_BYTES)
}

function sendStream(sending: Sending, source: Readable, done: Done): void {
  const { setup, plan } = sending
  const { length } = plan
  const isHeld = length !== null && length <= MAX_AT_ONCE_BYTES && isAtOnce(sending, length, levelFor(sending, length))
  const limit = isHeld ? length + 1 : FIRST_BLOCK_BYTES
  readFirstBlock(source, { limit, holdMs: HOLD_MS }, setup.ticker, (error, block) => {
    if (block === null) return done(error)
    if (block.isWhole) return sendWhole(sending, block.bytes, done)
    const first = block.bytes
    // Nothing yet: the head must not wait for a body that may come in a minute, and its type is known to shrink.
    if (first.length > 0) {
      if (plan.length === null && first.length < plan.rules.minSize) {
        return sendRest(sending, 'small', { source, first }, done)
      }
      if (!shrinks(first, sending)) return sendRest(sending, 'no-gain', { source, first }, done)
    }
    encodeRest(sending, levelFor(sending, plan.length), { source, first }, done)
  })
}

interface Rest {
  readonly source: Readable
  readonly first: Buffer
}

/** Where counting does not tell, the cheapest level does well enough. */
function shrinks(block: Buffer, sending: Sending): boolean {
  const probe = block.length > FIRST_BLOCK_BYTES ? block.subarray(0, FIRST_BLOCK_BYTES) : block
  if (surelyShrinks(probe)) return true
  const began = performance.now()
  const encoded = encodeNow(probe, sending.plan.coding, 1)
  spend(sending, performance.now() - began)
  return encoded.length <= probe.length * WORTH
}

function encodeRest(sending: Sending, level: number, { source, first }: Rest, done: Done): void {
  const { setup, reply, plan } = sending
  const { coding, length } = plan
  const isHigh = level >= high[coding]
  if (isHigh) setup.load.highRunning++
  const body = encodeBody({
    source,
    first,
    coding,
    level,
    length,
    ticker: setup.ticker,
    progress: plan.facts,
    onEnd: ended => {
      if (isHigh) setup.load.highRunning--
      if (ended.isWhole) learn(sending, level, ended)
      account(sending, ended)
    },
  })
  noteEncoded(sending, level)
  markEncodedReply(reply, coding, false)
  done(null, body)
  // The client learns at once what is coming; the first bytes follow when the encoder has some.
  setImmediate(flushEncoded, reply)
}

function flushEncoded({ raw }: FastifyReply): void {
  if (!raw.headersSent && raw.hasHeader('content-encoding') && !raw.destroyed) flushHead(raw)
}

/** What the lists in Redis, the last requests and `explain --id` tell of it beside the coding. */
function noteEncoded({ request, plan }: Sending, level: number): void {
  const { coding, contentClass: type } = plan
  addNote(request, { topic: 'compression', reason: 'encoded', numbers: { coding, level, type } })
}

function sendPlain(sending: Sending, reason: 'small' | 'no-gain', body: Buffer, done: Done): void {
  giveUp(sending, reason)
  sending.setup.handOver.leaveAlone(sending.request)
  done(null, body)
}

/** The source goes on where it was stopped, with what was read of it in front. */
function sendRest(sending: Sending, reason: 'small' | 'no-gain', { source, first }: Rest, done: Done): void {
  giveUp(sending, reason)
  sending.setup.handOver.leaveAlone(sending.request)
  if (first.length > 0) source.unshift(first)
  done(null, source)
}

function giveUp({ setup, plan, request, reply }: Sending, reason: 'small' | 'no-gain' | 'payload'): void {
  // Too short for every client: nothing was negotiable (RFC 9110 §12.5.5).
  if (reason === 'small') restoreVary(reply, plan.varyBefore)
  plan.facts.encoding = null
  plan.facts.reason = reason
  addNote(request, { topic: 'compression', reason })
  setup.count.skipped(plan.rules.settings.route, reason)
}

function restoreVary(reply: FastifyReply, before: string | null): void {
  if (before === null) reply.removeHeader('vary')
  else reply.header('vary', before)
}

function levelFor({ setup, request, plan }: Sending, length: number | null): number {
  return pickLevel(setup, plan, { length, bytesPerMs: setup.paceOf(request) }).level
}

/** Time of an encoder whose bytes are not sent. */
function spend({ setup, plan }: Sending, ms: number): void {
  setup.count.spent({ route: plan.rules.settings.route, coding: plan.coding, contentClass: plan.contentClass, ms })
}

interface Spent {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly busyMs: number
}

function learn({ setup, plan }: Sending, level: number, { bytesIn, bytesOut, busyMs }: Spent): void {
  const { coding, contentClass } = plan
  setup.costs.learn({ coding, level, contentClass, bytesIn, bytesOut, ms: busyMs })
}

function account({ setup, plan }: Sending, { bytesIn, bytesOut, busyMs }: Spent): void {
  const { facts, rules, coding, contentClass } = plan
  facts.bytesIn = bytesIn
  facts.bytesOut = bytesOut
  facts.cpuMs = busyMs
  setup.count.encoded({ route: rules.settings.route, coding, contentClass, bytesIn, bytesOut, cpuMs: busyMs })
}
