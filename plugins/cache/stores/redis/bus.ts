/**
 * The bus over Redis pub/sub. It hears itself: a gateway publishes a numbered beat every two seconds, and only while
 * its own beats come back without a gap does it believe that it hears the others. News of one turn of the loop go
 * together: a burst of purges is a few messages. What Redis does not take is told when it is back.
 */

import type { BusListener, Invalidation, InvalidationBus } from '../tiered/bus.ts'
import type { RedisAddress } from './address.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { RedisGuard } from './guard.ts'
import { KEY_PREFIX, randomName } from './keys.ts'
import type { Ask } from './purge.ts'
import { UntoldNews } from './untold-news.ts'

export const BEAT_INTERVAL_MS = 2_000
/** Without a beat for this long the bus counts as cut. */
export const DEAF_AFTER_MS = 5_000
const CHANNEL = `${KEY_PREFIX}news`
/** Longer messages are not ours. */
const MAX_MESSAGE_LENGTH = 256 * 1024

type Message = { readonly from: string } & ({ readonly beat: number } | { readonly news: readonly Invalidation[] })

export interface RedisBusOptions {
  readonly address: RedisAddress
  readonly commandTimeoutMs: number
}

export class RedisBus implements InvalidationBus {
  readonly #name = randomName()
  readonly #subscriber: RedisClient
  readonly #publisher: RedisGuard
  readonly #timer: NodeJS.Timeout
  #listener: BusListener | null = null
  readonly #untold = new UntoldNews()
  #telling: NodeJS.Immediate | null = null
  #sentBeat = 0
  #heardBeat = 0
  #heardAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RedisBusOptions) {
    const publisher = connectRedis(options.address, 'hearthgate-cache-news')
    this.#publisher = new RedisGuard(publisher, {
      timeoutMs: options.commandTimeoutMs,
      beforeClosing: () => this.#tell(question => this.#publisher.probeWith(question)),
      isSettled: () => this.#untold.size === 0,
    })
    this.#subscriber = connectRedis(options.address, 'hearthgate-cache-listen')
    this.#subscriber.on('error', () => {})
    this.#subscriber.on('ready', () => this.#subscribe())
    this.#subscriber.on('message', (_channel: string, text: string) => this.#hear(text))
    this.#timer = setInterval(() => this.#beat(), BEAT_INTERVAL_MS).unref()
  }

  get connected(): boolean {
    return performance.now() - this.#heardAtMs < DEAF_AFTER_MS
  }

  listen(listener: BusListener): void {
    this.#listener = listener
  }

  publish(news: Invalidation): void {
    this.#untold.add(news)
    this.#tellSoon()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#telling !== null) clearImmediate(this.#telling)
    this.#subscriber.disconnect()
    this.#publisher.close()
  }

  #subscribe(): void {
    this.#heardAtMs = Number.NEGATIVE_INFINITY
    this.#subscriber.subscribe(CHANNEL).then(
      () => this.#beat(),
      () => {},
    )
  }

  #beat(): void {
    void this.#send(question => this.#publisher.ask(question), `"beat":${++this.#sentBeat}`)
    if (this.#untold.size > 0) this.#tellSoon()
  }

  #tellSoon(): void {
    this.#telling ??= setImmediate(() => {
      this.#telling = null
      void this.#tell(question => this.#publisher.ask(question))
    })
  }

  /** False = some of it has to wait. */
  async #tell(ask: Ask): Promise<boolean> {
    const sent = this.#untold.take().map(async batch => {
      const isSent = await this.#send(ask, `"news":[${[...batch.keys()].join()}]`)
      if (!isSent) this.#untold.putBack(batch)
      return isSent
    })
    return (await Promise.all(sent)).every(Boolean)
  }

  async #send(ask: Ask, member: string): Promise<boolean> {
    const text = `{"from":"${this.#name}",${member}}`
    return (await ask(client => client.publish(CHANNEL, text))).ok
  }

  #hear(text: string): void {
    const message = readMessage(text)
    if (message === null) return
    if (message.from !== this.#name) {
      if ('news' in message) for (const news of message.news) this.#listener?.onNews(news)
      return
    }
    if (!('beat' in message)) return
    const whole = this.connected && message.beat === this.#heardBeat + 1
    this.#heardBeat = message.beat
    this.#heardAtMs = performance.now()
    if (!whole) this.#listener?.onGap()
  }
}

function readMessage(text: string): Message | null {
  if (text.length > MAX_MESSAGE_LENGTH) return null
  try {
    const message = JSON.parse(text) as Partial<Message> | null
    if (typeof message?.from !== 'string' || ('news' in message && !Array.isArray(message.news))) return null
    return message as Message
  } catch {
    return null
  }
}
