/**
 * One client's request that waits for a fill and reads from it at its own pace. It is the controller that the client's
 * side holds, whatever source its answer comes from in the end.
 */
import type { ExchangeController, ExchangeHandler, ExchangeRequest, FollowedExchange } from '../../upstream/index.ts'
import type { StoredSource } from '../answer/stored-source.ts'
import type { Passage } from '../passage.ts'
import type { FillBody } from './fill-body.ts'

/** What a reader tells its fill. */
export interface ReadFill extends FollowedExchange {
  /** It takes no more, or can take more again. */
  readerMoved(reader: FillReader): void
  /** It has all that it wants, or has left before. */
  readerLeft(reader: FillReader, isServed: boolean): void
}

/** The head of an answer for one reader, and which bytes of the body follow. */
export interface ReaderHead {
  readonly status: number
  /** Flat. */
  readonly fields: readonly string[]
  readonly message: string
  /** First byte, and the one behind the last; Infinity = to the end. */
  readonly start: number
  readonly end: number
}

export class FillReader implements ExchangeController, FollowedExchange {
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  paused = false
  aborted = false
  reason: Error | null = null
  readonly passage: Passage
  /** As the client's side wanted it sent. */
  readonly request: ExchangeRequest
  /** It is the one whose request went to the origin. */
  isLeader = false
  hasBegun = false
  /** `performance.now()` when it began to wait for somebody else's fill. */
  waitsSinceMs = 0
  fill: ReadFill | null = null
  /** How often it was sent away from a fill that could not serve it. */
  retries = 0
  /** No answer that another request brings is for this one. */
  mustGoAlone = false
  /** `performance.now()` when it was last seen to lag behind by more than the window, at `lagPosition`; 0 = not. */
  lagsSinceMs = 0
  lagPosition = 0
  /** Number of the chunk that it needs next. */
  chunkIndex = 0
  position = 0
  readonly #handler: ExchangeHandler
  #chunkStart = 0
  #end = Number.POSITIVE_INFINITY
  #stored: StoredSource | null = null
  #isOver = false
  #isPumping = false

  constructor(passage: Passage, request: ExchangeRequest, handler: ExchangeHandler) {
    this.passage = passage
    this.request = request
    this.#handler = handler
  }

  get attempts(): number {
    return this.isLeader ? (this.fill?.attempts ?? 0) : 0
  }

  get pool(): FollowedExchange['pool'] {
    return this.isLeader ? (this.fill?.pool ?? null) : null
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** To be called once, before anything else; the client's side may abort at once. */
  start(): void {
    this.#handler.onRequestStart?.(this, {})
  }

  interim(status: number, fields: readonly string[]): void {
    this.rawHeaders = [...fields]
    this.#handler.onResponseStart?.(this, status, {}, '')
  }

  begin({ status, fields, message, start, end }: ReaderHead): void {
    this.hasBegun = true
    this.rawHeaders = [...fields]
    this.position = start
    this.#end = end
    this.#handler.onResponseStart?.(this, status, {}, message)
  }

  /** Gives the client's side what has arrived, for as long as it takes it. */
  pump(body: FillBody): void {
    // The client's side may resume, and so come here again, from within.
    if (this.#isPumping || this.#isOver || !this.hasBegun || this.#stored !== null) return
    this.#isPumping = true
    this.#skip(body)
    while (!this.paused && !this.#isOver && this.position < Math.min(this.#end, body.total)) this.#giveNext(body)
    this.#isPumping = false
    if (this.#isOver || this.paused) return
    if (this.position >= this.#end || (body.isEnded && this.position >= body.total)) this.#finish()
  }

  /** Answers from the store instead. */
  serve(source: StoredSource): void {
    this.hasBegun = true
    this.#stored = source
    if (this.paused) source.pause()
    source.run(this.#handler, this)
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler.onResponseError?.(this, error)
  }

  pause(): void {
    this.paused = true
    if (this.#stored !== null) this.#stored.pause()
    else this.fill?.readerMoved(this)
  }

  resume(): void {
    this.paused = false
    if (this.#stored !== null) this.#stored.resume()
    else this.fill?.readerMoved(this)
  }

  abort(reason: Error): void {
    if (this.#isOver || this.aborted) return
    this.aborted = true
    this.reason = reason
    if (this.#stored !== null) return this.#stored.abort(reason)
    const { fill } = this
    this.fail(reason)
    fill?.readerLeft(this, false)
  }

  /** Bytes before the wanted ones need no reading, only to have been there. */
  #skip(body: FillBody): void {
    for (;;) {
      const chunk = body.at(this.chunkIndex)
      if (chunk === undefined || this.#chunkStart + chunk.length > this.position) return
      this.#chunkStart += chunk.length
      this.chunkIndex++
    }
  }

  #giveNext(body: FillBody): void {
    const chunk = body.at(this.chunkIndex) as Buffer
    const from = this.position - this.#chunkStart
    const to = Math.min(chunk.length, this.#end - this.#chunkStart)
    this.position = this.#chunkStart + to
    if (to === chunk.length) {
      this.#chunkStart += chunk.length
      this.chunkIndex++
    }
    this.#handler.onResponseData?.(this, from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
  }

  #finish(): void {
    this.#isOver = true
    this.#handler.onResponseEnd?.(this, {})
    this.fill?.readerLeft(this, true)
  }
}
