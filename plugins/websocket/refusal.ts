/**
 * Gives the client the ordinary answer of an origin that did not switch (RFC 9110 §7.8): head and body by HTTP's rules,
 * then both connections end. A body that is cut stays visible as cut.
 */
import type { Duplex } from 'node:stream'
import type { BodyMeasure } from './answer-body.ts'
import { endAndLinger, resetSocket } from './socket-end.ts'

export interface RefusalOptions {
  readonly client: Duplex
  readonly upstream: Duplex
  readonly head: Buffer
  readonly body: BodyMeasure
}

export class Refusal {
  readonly #options: RefusalOptions
  /** Bytes of the body handed to the client. */
  bytes = 0
  #done = false

  constructor(options: RefusalOptions) {
    this.#options = options
  }

  /** Writes the head and relays the body, of which `first` has already arrived. */
  start(first: Buffer): void {
    const { client, upstream, head } = this.#options
    client.resume()
    client.cork()
    client.write(head)
    this.#take(first)
    client.uncork()
    if (this.#done) return
    upstream.on('data', (chunk: Buffer) => this.#take(chunk))
    upstream.on('end', () => this.#end())
    client.on('drain', () => upstream.resume())
    if (!client.writableNeedDrain) upstream.resume()
  }

  /** The origin's connection is gone; without an end of the body before, the client must see a cut. */
  cut(): void {
    if (this.#done) return
    this.#done = true
    resetSocket(this.#options.client)
  }

  #take(chunk: Buffer): void {
    if (this.#done) return
    const { client, upstream, body } = this.#options
    const length = body.take(chunk)
    this.bytes += length
    if (body.state === 'invalid') {
      this.#fail()
      return
    }
    const hasRoom = length === 0 || client.write(length === chunk.length ? chunk : chunk.subarray(0, length))
    if (body.state === 'end') this.#finish()
    else if (!hasRoom) upstream.pause()
  }

  #end(): void {
    if (this.#done) return
    if (this.#options.body.wholeAtEnd) this.#finish()
    else this.#fail()
  }

  #finish(): void {
    this.#done = true
    this.#options.upstream.destroy()
    endAndLinger(this.#options.client)
  }

  #fail(): void {
    this.cut()
    this.#options.upstream.destroy()
  }
}
