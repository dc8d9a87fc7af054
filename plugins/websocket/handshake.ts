/**
 * Sends the upgrade to the origin and waits for its final answer (RFC 9110 §7.8): interim answers are skipped, and what
 * arrives behind the head is handed on with it, since the first frame may come in the same packet as the 101.
 */
import type { Duplex } from 'node:stream'
import { type AnswerHead, AnswerHeadReader } from './answer-head.ts'
import { type UpgradeFailure, upgradeFailure } from './errors.ts'
import { areValidLines, encodeHead, isTargetText } from './head-lines.ts'

/** The upgrade as it goes on the wire. */
export interface UpgradeRequest {
  /** Request target, byte for byte. */
  readonly path: string
  /** Flat, complete and in the order to send: with Host, `Connection: Upgrade` and Upgrade. */
  readonly headers: readonly string[]
}

export interface HandshakeEvents {
  /** The final answer; the origin is paused and `rest` are the bytes that came behind the head. */
  onAnswer(head: AnswerHead, rest: Buffer): void
  onFailure(failure: UpgradeFailure): void
}

const MAX_INTERIM = 16

export class Handshake {
  readonly #upstream: Duplex
  readonly #events: HandshakeEvents
  readonly #reader: AnswerHeadReader
  #interim = 0

  constructor(upstream: Duplex, maxHeadBytes: number, events: HandshakeEvents) {
    this.#upstream = upstream
    this.#events = events
    this.#reader = new AnswerHeadReader(maxHeadBytes)
  }

  /** Writes the head, or fails with `request` if it could be read in two ways. */
  send(request: UpgradeRequest): void {
    if (!isTargetText(request.path) || !areValidLines(request.headers)) {
      this.#events.onFailure(upgradeFailure('request'))
      return
    }
    this.#upstream.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd)
    this.#upstream.write(encodeHead(`GET ${request.path} HTTP/1.1`, request.headers))
  }

  /** Stops listening; the origin is left paused. */
  cancel(): void {
    this.#upstream.pause()
    this.#upstream.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd)
  }

  readonly #onEnd = (): void => {
    this.#fail(this.#reader.empty ? upgradeFailure('reset') : upgradeFailure('invalid', 'the head was cut'))
  }

  readonly #onData = (chunk: Buffer): void => {
    let progress = this.#reader.feed(chunk)
    while (progress.state === 'head') {
      const { head, rest } = progress
      if (head.status >= 200 || head.status === 101) {
        this.cancel()
        this.#events.onAnswer(head, rest)
        return
      }
      progress = this.#countInterim()
        ? this.#reader.feed(rest)
        : { state: 'invalid', reason: 'too many interim answers' }
    }
    if (progress.state === 'too-large') this.#fail(upgradeFailure('headTooLarge'))
    if (progress.state === 'invalid') this.#fail(upgradeFailure('invalid', progress.reason))
  }

  #countInterim(): boolean {
    return ++this.#interim <= MAX_INTERIM
  }

  #fail(failure: UpgradeFailure): void {
    this.cancel()
    this.#events.onFailure(failure)
  }
}
