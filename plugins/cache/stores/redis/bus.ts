/**
 * The bus over Redis pub/sub. It hears itself: a gateway publishes a numbered beat every two seconds, and only while
 * its own beats come back without a gap does it believe that it hears the others. News of one turn of the loop go
 * together: a burst of purges is a few messages.
 */

import type { BusListener, Invalidation, InvalidationBus } from '../tiered/bus.ts'
import type { RedisAddress } from './address.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { RedisGuard } from './guard.ts'
import { KEY_PREFIX, randomName } from './keys.ts'

export const BEAT_INTERVAL_MS = 2_000
/** Without a beat for this long the bus counts as cut. */
export const DEAF_AFTER_MS = 5_000
const CHANNEL = `${KEY_PREFIX}news`
/** Longer messages are not ours. */
const MAX_MESSAGE_LENGTH = 256 * 1024
/** News are put together up to this length. */
const JOINED_LENGTH = 32 * 1024

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
  /** News that have not been sent yet, as JSON; the same news once. */
  readonly #waiting = new Set<string>()
  #telling: NodeJS.Immediate | null = null
  #sentBeat = 0
  #heardBeat = 0
  #heardAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RedisBusOptions) {
    const publisher = connectRedis(options.address, 'hearthgate-cache-news')
    this.#publisher = new RedisGuard(publisher, {
      timeoutMs: options.commandTimeoutMs,
      beforeClosing: () => Promise.resolve(true),
      isSettled: () => true,
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
    this.#waiting.add(JSON.stringify(news))
    this.#telling ??= setImmediate(() => this.#tell())
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
    this.#send(`"beat":${++this.#sentBeat}`)
  }

  #tell(): void {
    this.#telling = null
    for (const texts of joinTexts(this.#waiting)) this.#send(`"news":[${texts}]`)
    this.#waiting.clear()
  }

  #send(member: string): void {
    const text = `{"from":"${this.#name}",${member}}`
    void this.#publisher.ask(client => client.publish(CHANNEL, text))
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

/** Texts with commas between them, each as long as texts fit into `JOINED_LENGTH`. */
function joinTexts(texts: Iterable<string>): string[] {
  const joined: string[] = []
  for (const text of texts) {
    const last = joined.at(-1)
    if (last === undefined || last.length + text.length > JOINED_LENGTH) joined.push(text)
    else joined[joined.length - 1] = `${last},${text}`
  }
  return joined
}
