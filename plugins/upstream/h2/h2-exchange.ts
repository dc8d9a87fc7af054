/**
 * One request and its answer on one HTTP/2 stream: the controller that the handler holds, and what Node tells of the
 * stream, turned into one outcome. An answer is whole when END_STREAM came, and only then (RFC 9113 §8.1).
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders as Http2Headers,
} from 'node:http2'
import { type BagMember, forgetListeners } from '../../contract/index.ts'
import { upstreamFailure } from '../errors.ts'
import {
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  rawHeadersOnly,
  type UploadProgress,
} from '../exchange.ts'
import { findBodyProblem } from '../h1/body-writer.ts'
import { allowedTrailers } from '../h1/trailer-fields.ts'
import { findHeadProblem, withoutPseudo } from './answer-head.ts'
import { openStream } from './open-stream.ts'
import type { BrokenStream } from './stream-failure.ts'
import { Upload } from './upload.ts'

const noHeaders: Http2Headers = Object.freeze({})

/** What an exchange needs of its connection. */
export interface H2Owner {
  /** Why a stream that was closed before its answer was whole has failed. */
  failureOf(stream: ClientHttp2Stream, state: Pick<BrokenStream, 'hasHead' | 'hasReadBody'>): Error
  /** The handler knows the outcome. */
  over(exchange: H2Exchange, isOk: boolean): void
}

export class H2Exchange implements ExchangeController, BagMember {
  bagIndex = -1
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  paused = false
  reason: Error | null = null
  readonly #owner: H2Owner
  readonly #request: ExchangeRequest
  readonly #handler: ExchangeHandler
  #stream: ClientHttp2Stream | null = null
  #upload: Upload | null = null
  #interim = 0
  #hasHead = false
  /** END_STREAM was received. */
  #isWhole = false
  #isOver = false
  /** The rest of a whole answer whose stream is gone, until the handler takes it. */
  #rest: Buffer | null = null
  #trailers: Http2Headers = noHeaders

  constructor(owner: H2Owner, request: ExchangeRequest, handler: ExchangeHandler) {
    this.#owner = owner
    this.#request = request
    this.#handler = handler
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  /** Opens its stream on `session`, which must have room for it. */
  start(session: ClientHttp2Session, fields: readonly string[]): void {
    try {
      this.#handler.onRequestStart?.(this, {})
      if (!this.#isOver) this.#open(session, fields)
    } catch (thrown) {
      this.fail(upstreamFailure('aborted', this.#stream === null, thrown))
    }
  }

  abort(reason: Error): void {
    if (this.#isOver) return
    this.reason = reason
    this.fail(reason)
  }

  pause(): void {
    this.paused = true
    if (this.#hasHead) this.#stream?.pause()
  }

  resume(): void {
    this.paused = false
    if (this.#rest !== null) this.#deliverRest()
    else if (this.#hasHead) this.#stream?.resume()
  }

  uploadProgress(): UploadProgress {
    return { taken: this.#upload?.taken ?? 0, waiting: this.#upload?.waiting ?? 0 }
  }

  /** Ends it with `error`; the handler is told in a later turn. */
  fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#rest = null
    this.#closeStream()
    process.nextTick(() => this.#report(error))
  }

  #open(session: ClientHttp2Session, fields: readonly string[]): void {
    const { body, bodyLength } = this.#request
    const bodyProblem = body === null || Buffer.isBuffer(body) ? null : findBodyProblem(body)
    if (bodyProblem !== null) return this.fail(upstreamFailure('aborted', true, new Error(bodyProblem)))
    const stream = openStream(session, fields, body === null, () => {
      this.#isWhole = true
    })
    if (stream === null) return this.fail(upstreamFailure('invalid', true))
    this.#stream = stream
    stream.on('headers', (headers, _flags, lines) => this.#onHead(stream, headers, lines))
    stream.on('response', (headers, _flags, lines) => this.#onHead(stream, headers, lines))
    stream.on('trailers', (headers, _flags, lines) => this.#onTrailers(headers, lines))
    stream.on('end', () => this.#onEnd(stream))
    // 'close' follows and says the rest.
    stream.on('error', () => {})
    stream.on('close', () => this.#onClose(stream))
    if (body === null) this.#handler.onRequestSent?.()
    else this.#sendBody(stream, body, bodyLength)
  }

  #sendBody(stream: ClientHttp2Stream, body: NonNullable<ExchangeRequest['body']>, length: number | null): void {
    this.#upload = new Upload(stream, body, length, {
      onSent: () => this.#onSent(),
      onFailed: cause => this.fail(upstreamFailure('aborted', false, cause)),
    })
    this.#upload.start()
  }

  #onSent(): void {
    if (this.#isOver) return
    this.#call(() => this.#handler.onRequestSent?.())
  }

  #onHead(stream: ClientHttp2Stream, headers: Http2Headers, lines: readonly string[]): void {
    const status = Number(headers[':status'])
    if (this.#isOver || this.#hasHead || Number.isNaN(status)) return
    const isFinal = status >= 200
    if (!isFinal) this.#interim++
    const problem = findHeadProblem(lines, this.#interim)
    if (problem !== null) return this.fail(upstreamFailure(problem, false))
    this.rawHeaders = withoutPseudo(lines)
    if (isFinal) this.#hasHead = true
    this.#call(() => this.#handler.onResponseStart?.(this, status, this.#asObject(headers), ''))
    if (isFinal && !this.#isOver) this.#receive(stream)
  }

  #receive(stream: ClientHttp2Stream): void {
    if (this.paused) stream.pause()
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return
    try {
      this.#handler.onResponseData?.(this, chunk)
    } catch (thrown) {
      this.fail(upstreamFailure('aborted', false, thrown))
    }
  }

  #onTrailers(headers: Http2Headers, lines: readonly string[]): void {
    this.rawTrailers = allowedTrailers(lines)
    this.#trailers = headers
  }

  #onEnd(stream: ClientHttp2Stream): void {
    if (this.#isOver) return
    if (this.#isWhole) this.#complete()
    else this.#break(stream)
  }

  #onClose(stream: ClientHttp2Stream): void {
    forgetListeners(stream)
    if (this.#isOver) return
    if (!this.#isWhole) return this.#break(stream)
    // The connection ended behind a whole answer before the handler had read it.
    this.#rest = stream.read() ?? Buffer.alloc(0)
    if (!this.paused) this.#deliverRest()
  }

  /** The stream was closed before its answer was whole. */
  #break(stream: ClientHttp2Stream): void {
    this.fail(this.#owner.failureOf(stream, { hasHead: this.#hasHead, hasReadBody: this.#upload?.hasRead ?? false }))
  }

  #deliverRest(): void {
    const rest = this.#rest as Buffer
    this.#rest = null
    if (rest.length > 0) this.#onData(rest)
    if (!this.#isOver) this.#complete()
  }

  #complete(): void {
    if (!this.#hasHead) return this.fail(upstreamFailure('invalid', false))
    this.#isOver = true
    this.#closeStream()
    try {
      this.#handler.onResponseEnd?.(this, this.#asObject(this.#trailers))
    } catch (thrown) {
      return this.#report(upstreamFailure('aborted', false, thrown))
    }
    this.#owner.over(this, true)
  }

  /** What is left of a request is not sent, what is left of an answer not read. */
  #closeStream(): void {
    this.#upload?.stop()
    const stream = this.#stream
    if (stream === null) return
    if (stream.closed) stream.destroy()
    else if (!this.#isWhole || this.#upload?.isSent === false) stream.close(constants.NGHTTP2_CANCEL)
  }

  /** Calls the handler; what it throws ends the exchange. */
  #call(callback: () => void): void {
    try {
      callback()
    } catch (thrown) {
      this.fail(upstreamFailure('aborted', false, thrown))
    }
  }

  #report(error: Error): void {
    try {
      this.#handler.onResponseError?.(this, error)
    } catch {}
    this.#owner.over(this, false)
  }

  #asObject(headers: Http2Headers): Http2Headers {
    if (this.#handler[rawHeadersOnly] === true) return noHeaders
    const { ':status': _, ...fields } = headers
    return fields
  }
}
