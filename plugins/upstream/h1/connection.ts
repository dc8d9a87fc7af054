/**
 * One HTTP/1.1 connection to an origin, on a socket that is already connected: one exchange at a time, and the decision
 * whether the socket may carry the next (RFC 9112 §9). Whoever opens the socket should set TCP_NODELAY.
 */
import type { Socket } from 'node:net'
import { type UpstreamFailure, upstreamFailure } from '../errors.ts'
import type { ConnectionEvents, ExchangeHandler, ExchangeRequest, OriginConnection } from '../exchange.ts'
import { AnswerFeed, type FeedOutcome } from './answer-feed.ts'
import { type ExchangeOwner, H1Exchange } from './h1-exchange.ts'
import type { Landing } from './landing.ts'
import { RequestSender } from './request-sender.ts'
import { guardWrites } from './write-guard.ts'

/** Most bytes that are read for a reader that has paused, as a stream would; then the origin has to wait. */
const MOST_HELD_BYTES = 65_536
/** How long an answer may still be read after a write has failed. */
const READ_GRACE_MS = 1000

/** In place of an error: the origin has closed its side properly. */
const properly = Symbol('closed properly')

export interface H1ConnectionOptions {
  readonly events: ConnectionEvents
  /** Largest head of an answer, status line and blank line included; 64 KiB. */
  readonly maxHeadBytes?: number
  /** Most interim (1xx) answers before the final one; 16. */
  readonly maxInterim?: number
  /** Where the socket's bytes arrive, if not in its stream. */
  readonly landing?: Landing | null
}

export class H1Connection implements OriginConnection {
  readonly bornMs: number = performance.now()
  readonly socket: Socket
  readonly #events: ConnectionEvents
  readonly #feed: AnswerFeed
  readonly #sender: RequestSender
  readonly #owner: ExchangeOwner = {
    abort: (exchange, reason) => this.#fail(exchange, reason),
    pause: () => this.#pause(),
    resume: exchange => this.#resume(exchange),
  }
  #isLanding = false
  #exchange: H1Exchange | null = null
  #used = false
  #closing = false
  #gone = false
  /** How the origin's side ended. */
  #ending: Error | typeof properly | null = null
  #writeError: Error | null = null
  #grace: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: H1ConnectionOptions) {
    this.socket = socket
    this.#events = options.events
    this.#feed = new AnswerFeed(options.maxHeadBytes ?? 65_536, options.maxInterim ?? 16)
    this.#sender = new RequestSender(socket, {
      onSent: exchange => this.#tellSent(exchange),
      onBroken: (exchange, failure) => this.#fail(exchange, failure),
    })
    guardWrites(socket, error => this.#outlives(error))
    socket.on('error', (error: Error) => this.#onBroken(error))
    socket.on('close', () => this.#onBroken(new Error('the socket was closed')))
    socket.on('end', () => this.#onEnd())
    socket.on('drain', () => this.#sender.resume())
    if (options.landing == null) socket.on('data', (bytes: Buffer) => this.consume(bytes, true))
    else this.#readFrom(options.landing)
    if (socket.destroyed || socket.readableEnded) this.#retire(true)
  }

  get capacity(): number {
    return this.#gone || this.#closing ? 0 : 1
  }

  get inFlight(): number {
    return this.#exchange === null ? 0 : 1
  }

  get used(): boolean {
    return this.#used
  }

  get bytesRead(): number {
    return this.socket.bytesRead
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten
  }

  dispatch(request: ExchangeRequest, handler: ExchangeHandler): void {
    const exchange = new H1Exchange(this.#owner, request, handler)
    if (this.capacity === 0 || this.#exchange !== null || !this.socket.writable) return this.#turnAway(exchange)
    this.#exchange = exchange
    try {
      exchange.start()
      if (!exchange.isOver) this.#send(exchange)
    } catch (thrown) {
      this.#fail(exchange, upstreamFailure('aborted', !exchange.isSent, thrown))
    }
  }

  close(): void {
    this.#closing = true
    if (this.#exchange === null) this.#retire(false)
  }

  destroy(reason: Error): void {
    if (this.#exchange === null || this.#exchange.isOver) this.#retire(false)
    else this.#fail(this.#exchange, reason)
  }

  /** The one entry of received bytes; those that are not ours are read or copied before it returns. */
  consume(bytes: Buffer, isOurs = true): void {
    if (this.#gone || bytes.length === 0) return
    const exchange = this.#exchange
    // Nobody asked: an answer to nothing would become the answer to the next request.
    if (exchange === null || exchange.isOver) return this.#retire(false)
    this.#settle(exchange, this.#feed.push(exchange, bytes, isOurs))
  }

  #readFrom(landing: Landing): void {
    this.#isLanding = true
    landing.readBy((bytes, isOurs) => {
      this.consume(bytes, isOurs)
      if (this.#feed.heldBytes >= MOST_HELD_BYTES) this.socket.pause()
    })
    this.socket.resume()
  }

  /** What lands is held by us as a stream would hold it, so that the end of a small answer is still seen. */
  #pause(): void {
    if (!this.#isLanding) this.socket.pause()
  }

  #send(exchange: H1Exchange): void {
    this.#feed.start(exchange.request.method)
    const refusal = this.#sender.send(exchange)
    if (refusal !== null) this.#refuse(exchange, refusal)
  }

  #tellSent(exchange: H1Exchange): void {
    try {
      exchange.sent()
    } catch (thrown) {
      this.#fail(exchange, upstreamFailure('aborted', false, thrown))
    }
  }

  #settle(exchange: H1Exchange, outcome: FeedOutcome): void {
    if (outcome === 'open') return
    if (outcome === 'whole' || outcome === 'surplus') this.#complete(exchange, outcome === 'whole')
    else this.#fail(exchange, outcome)
  }

  #complete(exchange: H1Exchange, isExact: boolean): void {
    try {
      exchange.end(this.#feed.trailers)
    } catch (thrown) {
      return this.#fail(exchange, upstreamFailure('aborted', false, thrown))
    }
    this.#exchange = null
    this.#used = true
    if (this.#gone) return
    const isReusable = isExact && this.#isReusable()
    this.#sender.stop()
    if (isReusable) this.#events.onFree(this, this.#feed.keepAliveHintMs)
    else this.#retire(false)
  }

  /** RFC 9112 §9.3; a request that is not fully written would be continued by the next one. */
  #isReusable(): boolean {
    const isHealthy = this.#ending === null && this.#writeError === null && !this.socket.destroyed
    return this.#feed.isPersistent && this.#sender.isComplete && isHealthy && !this.#closing
  }

  #resume(exchange: H1Exchange): void {
    this.socket.resume()
    if (this.#feed.isDelivering) return
    this.#settle(exchange, this.#feed.release(exchange))
    if (this.#ending !== null && !exchange.isOver && !exchange.paused) this.#finish(exchange, this.#ending)
  }

  #onEnd(): void {
    if (this.#gone) return
    const exchange = this.#exchange
    if (exchange === null || exchange.isOver) return this.#retire(exchange === null)
    this.#ending = properly
    if (!exchange.paused) this.#finish(exchange, properly)
  }

  #onBroken(error: Error): void {
    if (this.#gone || this.#ending !== null) return
    const exchange = this.#exchange
    if (exchange === null || exchange.isOver) return this.#retire(exchange === null)
    this.#ending = error
    if (exchange.paused) this.#holdUnread(exchange)
    // What came before the break is the handler's when it goes on; an answer that is whole in it stands.
    if (!this.#feed.hasHeld) this.#finish(exchange, error)
  }

  /** Bytes that Node has received but not handed out, since the socket is paused. */
  #holdUnread(exchange: H1Exchange): void {
    this.socket.removeAllListeners('data')
    const unread: Buffer | null = this.socket.read()
    if (unread !== null) this.#feed.push(exchange, unread, true)
  }

  /** The origin sends no more. After a failed write its close may hide a reset: then it does not end an answer. */
  #finish(exchange: H1Exchange, ending: Error | typeof properly): void {
    const cause = ending === properly ? this.#writeError : ending
    this.#settle(exchange, this.#feed.finish(exchange, cause))
  }

  /** Whether to go on reading after a failed write: an origin may answer before it has read the body. */
  #outlives(error: Error): boolean {
    const exchange = this.#exchange
    if (this.#gone || exchange === null || exchange.isOver || exchange.request.body === null) return false
    if (this.#writeError !== null) return true
    this.#writeError = error
    this.#sender.stop()
    this.#grace = setTimeout(() => this.#endGrace(exchange, error), READ_GRACE_MS).unref()
    return true
  }

  #endGrace(exchange: H1Exchange, error: Error): void {
    if (exchange.paused) this.#grace?.refresh()
    else this.#finish(exchange, error)
  }

  /** The connection can take no request now; the one that is running on it is not touched. */
  #turnAway(exchange: H1Exchange): void {
    exchange.isOver = true
    process.nextTick(() => exchange.report(upstreamFailure('reset', true)))
  }

  /** Fails a request of which nothing was written: the connection is as good as before. */
  #refuse(exchange: H1Exchange, failure: UpstreamFailure): void {
    exchange.isOver = true
    exchange.hasFailed = true
    process.nextTick(() => {
      exchange.report(failure)
      this.#exchange = null
      if (this.#gone) return
      if (this.#closing) this.#retire(false)
      else this.#events.onFree(this, null)
    })
  }

  #fail(exchange: H1Exchange, error: Error): void {
    if (exchange.hasFailed) return
    exchange.isOver = true
    exchange.hasFailed = true
    process.nextTick(() => {
      exchange.report(error)
      this.#exchange = null
    })
    this.#retire(false)
  }

  #retire(isIdle: boolean): void {
    if (this.#gone) return
    this.#gone = true
    clearTimeout(this.#grace)
    this.#feed.drop()
    this.#sender.stop()
    this.socket.destroy()
    process.nextTick(() => this.#events.onGone(this, isIdle))
  }
}
