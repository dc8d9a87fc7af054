/**
 * Follows every request of an app from its first hook to the end of its raw reply, with one 'close' listener for all who
 * want to know (access log, metrics): also hijacked replies and clients that leave, where Fastify's onResponse does not run.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Bag } from '../bag.ts'
import { closeExchange, Exchange } from './exchange.ts'
import type { ExchangeEntry, FactsOf } from './facts.ts'

/** Somebody who is told of each request that is over. */
export interface ExchangeListener {
  /** False = nothing of the request that begins now is wanted. */
  wants(): boolean
  /** `noted` carries the notes of the request. What it throws is counted as a failure of this listener. */
  ended(entry: ExchangeEntry, noted: object): void
  failed?(): void
}

const key: unique symbol = Symbol('hearthgate.exchanges')
const exchangeKey: unique symbol = Symbol('hearthgate.exchange')

type FollowedReply = FastifyReply['raw'] & { [exchangeKey]?: Exchange }
type FollowedApp = FastifyInstance & { [key]?: Exchanges }

/** The requests of one app, running and ended. */
export class Exchanges {
  readonly #running = new Bag<Exchange>()
  #listeners: readonly ExchangeListener[] = []
  #factsOf: FactsOf | null = null

  /** Requests that have begun and not ended. */
  get running(): number {
    return this.#running.size
  }

  /** Visits what runs now. */
  visit(look: (exchange: Exchange) => void): void {
    this.#running.visit(look)
  }

  listen(listener: ExchangeListener): void {
    this.#listeners = [...this.#listeners, listener]
  }

  /** What the app knows of its requests; whoever is told it last decides. */
  readFacts(factsOf: FactsOf): void {
    this.#factsOf = factsOf
  }

  /** For what is no request of Fastify: tunnels, and requests that were refused before it saw them. */
  tell(entry: ExchangeEntry, noted: object): void {
    for (const listener of this.#listeners) if (listener.wants()) tellOne(listener, entry, noted)
  }

  /** Whether the facts come from Fastify and Node alone. */
  get isBare(): boolean {
    return this.#factsOf === null
  }

  get isWanted(): boolean {
    return this.#listeners.some(wantsIt)
  }

  begin(request: FastifyRequest, reply: FastifyReply): Exchange {
    const exchange = new Exchange(request, reply, this.isBare)
    this.#running.add(exchange)
    return exchange
  }

  end(exchange: Exchange): void {
    this.#running.delete(exchange)
    let entry: ExchangeEntry
    try {
      entry = closeExchange(exchange, this.#factsOf)
    } catch {
      // What the app's own facts throw would end the process.
      for (const listener of this.#listeners) listener.failed?.()
      return
    }
    this.tell(entry, exchange.request)
  }
}

const wantsIt = (listener: ExchangeListener): boolean => listener.wants()

function tellOne(listener: ExchangeListener, entry: ExchangeEntry, noted: object): void {
  try {
    listener.ended(entry, noted)
  } catch {
    listener.failed?.()
  }
}

/** Those of the app, or of the nearest parent that follows its requests; the first who asks makes them. */
export function exchangesOf(app: FastifyInstance): Exchanges {
  const known = (app as FollowedApp)[key]
  if (known !== undefined) return known
  const exchanges = new Exchanges()
  app.decorate(key, exchanges)
  follow(app, exchanges)
  return exchanges
}

function follow(app: FastifyInstance, exchanges: Exchanges): void {
  function onClose(this: FollowedReply): void {
    const exchange = this[exchangeKey]
    if (exchange !== undefined) exchanges.end(exchange)
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (!exchanges.isWanted) return done()
    const raw: FollowedReply = reply.raw
    raw[exchangeKey] = exchanges.begin(request, reply)
    raw.on('close', onClose)
    done()
  })
  app.addHook('onError', (_request, reply, error, done) => {
    const exchange = (reply.raw as FollowedReply)[exchangeKey]
    if (exchange !== undefined) exchange.error = error.code ?? error.name
    done()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    const exchange = exchanges.isBare ? (reply.raw as FollowedReply)[exchangeKey] : undefined
    if (exchange !== undefined) exchange.headMs = performance.now()
    done(null, payload)
  })
}
