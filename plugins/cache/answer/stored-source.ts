/**
 * Tells a handler a stored answer as if an origin were sending it: the head, then its pieces, as fast as they are taken.
 */
import type { Readable } from 'node:stream'
import type { ExchangeController, ExchangeHandler } from '../../upstream/index.ts'
import type { Awaitable, CacheStore, StoredEntry } from '../stores/index.ts'
import type { AnswerPlan, Piece } from './answer-plan.ts'

export type Body = Buffer | Readable

export interface StoredAnswer {
  readonly entry: StoredEntry
  readonly plan: AnswerPlan
  /** Flat: Age, Cache-Status. */
  readonly extraFields: readonly string[]
}

/** Thrown into an answer whose stored body was lost while it was being sent. */
class BodyGone extends Error {
  readonly code = 'HG_CACHE_BODY_GONE'
}

/**
 * Reads the first piece of the body, so that one that is gone is found out while another answer is still possible: null
 * then. Undefined: nothing of the body is sent.
 */
export function readFirst(
  store: CacheStore,
  entry: StoredEntry,
  { pieces }: AnswerPlan,
): Awaitable<Body | null> | undefined {
  for (const piece of pieces) if (piece === 'body' || 'start' in piece) return readPiece(store, entry, piece)
  store.touch(entry)
  return undefined
}

/** Null: the body is gone. `first` as `readFirst` has it. */
export function openStored(
  store: CacheStore,
  answer: StoredAnswer,
  first: Awaitable<Body | null> | undefined = readFirst(store, answer.entry, answer.plan),
): Awaitable<StoredSource | null> {
  if (first === undefined) return new StoredSource(store, answer, null)
  if (!(first instanceof Promise)) return first === null ? null : new StoredSource(store, answer, first)
  return first.then(read => (read === null ? null : new StoredSource(store, answer, read)))
}

function readPiece(store: CacheStore, entry: StoredEntry, piece: Piece): Awaitable<Body | null> {
  return piece === 'body' || 'text' in piece ? store.read(entry) : store.read(entry, piece)
}

export class StoredSource implements ExchangeController {
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  paused = false
  aborted = false
  reason: Error | null = null
  readonly #store: CacheStore
  readonly #answer: StoredAnswer
  #first: Body | null
  #stream: Readable | null = null
  #next = 0
  #isReading = false
  #isOver = false
  /** Null until it runs; it may be aborted before. */
  #handler: ExchangeHandler | null = null
  #controller: ExchangeController = this

  constructor(store: CacheStore, answer: StoredAnswer, first: Body | null) {
    this.#store = store
    this.#answer = answer
    this.#first = first
  }

  /** `controller` is who the handler deals with; it passes pause, resume and abort on to here. */
  run(handler: ExchangeHandler, controller: ExchangeController = this): void {
    this.#handler = handler
    this.#controller = controller
    if (controller === this) handler.onRequestStart?.(this, {})
    if (this.aborted) return
    const { plan, extraFields } = this.#answer
    controller.rawHeaders = [...plan.fields, ...extraFields]
    handler.onResponseStart?.(controller, plan.status, {}, '')
    this.#pump()
  }

  pause(): void {
    this.paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.paused = false
    if (this.#stream !== null) this.#stream.resume()
    else this.#pump()
  }

  abort(reason: Error): void {
    if (this.#isOver) return
    this.aborted = true
    this.reason = reason
    this.#fail(reason)
  }

  #pump(): void {
    const { pieces } = this.#answer.plan
    while (!this.paused && !this.#isOver && !this.#isReading && this.#stream === null) {
      const piece = pieces[this.#next++]
      if (piece === undefined) return this.#end()
      if (piece !== 'body' && 'text' in piece) this.#give(Buffer.from(piece.text, 'latin1'))
      else this.#read(piece)
    }
  }

  #read(piece: Piece): void {
    const first = this.#first
    this.#first = null
    const body = first ?? readPiece(this.#store, this.#answer.entry, piece)
    if (!(body instanceof Promise)) return this.#open(body)
    this.#isReading = true
    void body.then(read => {
      this.#isReading = false
      if (this.#isOver) return discard(read)
      this.#open(read)
      this.#pump()
    })
  }

  #open(body: Body | null): void {
    if (body === null) this.#fail(new BodyGone('the stored body is gone'))
    else if (Buffer.isBuffer(body)) this.#give(body)
    else this.#follow(body)
  }

  #follow(stream: Readable): void {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#give(chunk))
    stream.once('end', () => {
      this.#stream = null
      this.#pump()
    })
    stream.once('error', error => this.#fail(error))
    if (this.paused) stream.pause()
  }

  #give(chunk: Buffer): void {
    if (!this.#isOver) this.#handler?.onResponseData?.(this.#controller, chunk)
  }

  #end(): void {
    this.#isOver = true
    this.#handler?.onResponseEnd?.(this.#controller, {})
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    discard(this.#first)
    this.#stream?.destroy()
    this.#handler?.onResponseError?.(this.#controller, error)
  }
}

function discard(body: Body | null): void {
  if (body !== null && !Buffer.isBuffer(body)) body.on('error', () => {}).destroy()
}
