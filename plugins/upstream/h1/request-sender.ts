/**
 * Puts one request after another on the socket: checks it before the first byte, then head and body in as few writes
 * as possible.
 */
import type { Socket } from 'node:net'
import { deferToTurnEnd, type TurnEndTask } from '../../contract/index.ts'
import { type UpstreamFailure, upstreamFailure } from '../errors.ts'
import { BodyWriter, findBodyProblem, writeWhole } from './body-writer.ts'
import { encodeHead } from './encode-head.ts'
import type { H1Exchange } from './h1-exchange.ts'

export interface RequestSenderEvents {
  /** The last byte has left for the kernel. */
  onSent(exchange: H1Exchange): void
  /** The body broke off; what was sent of the request must not be taken for all of it. */
  onBroken(exchange: H1Exchange, failure: UpstreamFailure): void
}

export class RequestSender implements TurnEndTask {
  readonly #socket: Socket
  readonly #events: RequestSenderEvents
  #body: BodyWriter | null = null
  /** What is written leaves at the end of the turn. */
  #isCorked = false
  /** The request in it, where nothing of it was ever taken from a stream. */
  #leaving: H1Exchange | null = null

  constructor(socket: Socket, events: RequestSenderEvents) {
    this.#socket = socket
    this.#events = events
  }

  /** The last request has been handed to the kernel whole. */
  get isComplete(): boolean {
    return (this.#body === null || this.#body.isComplete) && this.#socket.writableLength === 0
  }

  /**
   * Sends at the end of the turn, together with other requests, or returns the failure if the request cannot be sent: then
   * nothing was written.
   */
  send(exchange: H1Exchange): UpstreamFailure | null {
    const { request } = exchange
    const { body } = request
    const isStream = body !== null && !Buffer.isBuffer(body)
    const bodyProblem = isStream ? findBodyProblem(body) : null
    if (bodyProblem !== null) return upstreamFailure('aborted', true, new Error(bodyProblem))
    const head = encodeHead(request)
    if (head.problem !== null) return upstreamFailure('invalid', true, new Error(head.problem))
    this.#cork()
    if (isStream) {
      exchange.isSent = true
      this.#stream(exchange, head.text)
      return null
    }
    this.#leaving = exchange
    if (body === null) this.#socket.write(head.text, 'latin1')
    else writeWhole(this.#socket, head.text, request, error => this.#written(exchange, error))
    return null
  }

  #cork(): void {
    this.#socket.cork()
    this.#isCorked = true
    deferToTurnEnd(this)
  }

  /** A connection that has failed since then was told nothing. */
  atTurnEnd(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    const exchange = this.#leaving
    this.#leaving = null
    if (exchange !== null) exchange.isSent = true
    this.#socket.uncork()
    if (exchange !== null && exchange.request.body === null) this.#events.onSent(exchange)
  }

  /** The socket takes bytes again. */
  resume(): void {
    this.#body?.resume()
  }

  /** Sends no more of the running request; what has not left yet goes with its connection. */
  stop(): void {
    this.#isCorked = false
    this.#leaving = null
    this.#body?.detach()
    this.#body = null
  }

  #stream(exchange: H1Exchange, head: string): void {
    this.#body = new BodyWriter(this.#socket, exchange.request, head, {
      onSent: () => this.#events.onSent(exchange),
      onFailed: cause => this.#events.onBroken(exchange, upstreamFailure('aborted', false, cause)),
    })
    this.#body.start()
  }

  #written(exchange: H1Exchange, error: Error | null | undefined): void {
    if (error === null || error === undefined) this.#events.onSent(exchange)
  }
}
