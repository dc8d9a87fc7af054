/**
 * Holds an answer without validator back until its bytes are there, gives it a weak entity tag, or answers 304 where the
 * client has it already. What is too long or too slow goes on as it came.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { ExchangeController, ExchangeHandler } from '../../upstream/index.ts'
import { Relay } from '../relay.ts'
import { readAnswerFacts } from '../rules/answer-facts.ts'
import { parseEntityTag } from '../rules/entity-tag.ts'
import { firstValue, withoutFields } from '../rules/fields.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import { matchesWeakly, notModifiedFields } from '../rules/validation.ts'
import { tagOf } from './body-tag.ts'
import { decideTag, MOST_TAGGED_BYTES } from './tag-rules.ts'

/** Most bytes that all answers of an app hold back together. */
const MOST_HELD_BYTES = 64 * 1024 * 1024

/** What the answers of one app share. */
export class HeldBytes {
  bytes = 0
}

export class TaggingAnswer extends Relay {
  readonly #facts: RequestFacts
  readonly #method: string
  readonly #held: HeldBytes
  #status = 0
  #message = ''
  #chunks: Buffer[] = []
  #bytes = 0
  #isHolding = false
  #timer: NodeJS.Timeout | null = null
  /** The origin has no more to say: who pauses now waits for what is here. */
  #isWhole = false
  #isPaused = false
  #rest: (() => void) | null = null

  constructor(handler: ExchangeHandler, request: { method: string; facts: RequestFacts }, held: HeldBytes) {
    super(handler)
    this.#method = request.method
    this.#facts = request.facts
    this.#held = held
  }

  override abort(reason: Error): void {
    const isWaiting = this.#rest !== null
    this.#rest = null
    this.#drop()
    if (isWaiting) this.handler.onResponseError?.(this, reason)
    else super.abort(reason)
  }

  override pause(): void {
    this.#isPaused = true
    if (!this.#isWhole) super.pause()
  }

  override resume(): void {
    this.#isPaused = false
    if (!this.#isWhole) return super.resume()
    const rest = this.#rest
    this.#rest = null
    rest?.()
  }

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    this.rawHeaders = (controller as ExchangeController).rawHeaders
    if (status < 200) return this.handler.onResponseStart?.(this, status, headers, message ?? '')
    const fields = this.rawHeaders ?? []
    this.#status = status
    this.#message = message ?? ''
    // Needs no reading of the rest, and is what most answers are.
    if (status !== 200 || hasTag(fields)) return this.#begin()
    const answer = readAnswerFacts(fields, 0)
    const decision = decideTag({ method: this.#method, status, hasRange: this.#facts.range !== null, answer })
    if (!decision.tag || this.#held.bytes >= MOST_HELD_BYTES) return this.#begin()
    this.#isHolding = true
    // Most answers are whole within this turn and need no timer.
    process.nextTick(armUnlessOver, this, decision.holdMs)
  }

  override onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isHolding) {
      this.handler.onResponseData?.(this, chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#held.bytes += chunk.length
    if (this.#bytes > MOST_TAGGED_BYTES || this.#held.bytes > MOST_HELD_BYTES) this.letGo()
  }

  override onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.rawTrailers = (controller as ExchangeController).rawTrailers
    const end = () => this.handler.onResponseEnd?.(this, trailers)
    if (this.#isHolding) this.#tag(end)
    else end()
  }

  override onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#drop()
    this.handler.onResponseError?.(this, error)
  }

  arm(holdMs: number): void {
    if (this.#isHolding) this.#timer = setTimeout(letGo, holdMs, this)
  }

  /** Sends on what was held, as it came. */
  letGo(): void {
    if (!this.#isHolding) return
    const chunks = this.#chunks
    this.#drop()
    this.#begin()
    for (const chunk of chunks) this.handler.onResponseData?.(this, chunk)
  }

  #begin(): void {
    this.handler.onResponseStart?.(this, this.#status, {}, this.#message)
  }

  /** The whole body is here. It goes when the receiver of the head lets it: a client may have used up its rate. */
  #tag(end: () => void): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    const tag = tagOf(body)
    this.#isWhole = true
    this.#stopHolding()
    const fields = this.rawHeaders ?? []
    const { ifNoneMatch } = this.#facts
    if (ifNoneMatch !== null && matchesWeakly(ifNoneMatch, tag)) {
      this.#status = 304
      this.#message = ''
      this.rawHeaders = [...notModifiedFields({ headers: withoutFields(fields, framing), etag: tag }), 'ETag', tag]
      this.rawTrailers = null
      this.#drop()
      this.#begin()
      return end()
    }
    this.rawHeaders = withTag(fields, tag, this.rawTrailers === null ? body.length : null)
    this.#begin()
    const rest = () => {
      this.#drop()
      if (body.length > 0) this.handler.onResponseData?.(this, body)
      end()
    }
    if (this.#isPaused) this.#rest = rest
    else rest()
  }

  #drop(): void {
    this.#stopHolding()
    this.#held.bytes -= this.#bytes
    this.#bytes = 0
    this.#chunks = []
  }

  #stopHolding(): void {
    this.#isHolding = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

const framing: ReadonlySet<string> = new Set(['transfer-encoding', 'trailer', 'etag'])
/** A tag that cannot be read is none, and goes. */
const tagField: ReadonlySet<string> = new Set(['etag'])
const length: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'etag'])

function hasTag(fields: readonly string[]): boolean {
  const line = firstValue(fields, 'etag')
  return line !== null && parseEntityTag(line) !== null
}

/** The length is known now, so that it need not be chunked; trailers can only follow chunks. */
function withTag(fields: readonly string[], tag: string, bodyLength: number | null): string[] {
  if (bodyLength === null) return [...withoutFields(fields, tagField), 'ETag', tag]
  return [...withoutFields(fields, length), 'ETag', tag, 'Content-Length', String(bodyLength)]
}

function armUnlessOver(answer: TaggingAnswer, holdMs: number): void {
  answer.arm(holdMs)
}

function letGo(answer: TaggingAnswer): void {
  answer.letGo()
}
