/**
 * Opens connections to one origin and speaks on each what was agreed: HTTP/2 by ALPN (RFC 9113 §3.2) or by prior knowledge
 * (§3.3), else HTTP/1.1. It knows how many dials are under way and how much each of them is likely to carry.
 */
import type { Connector, Transport } from './connector.ts'
import { isUpstreamFailure } from './errors.ts'
import type { ConnectionEvents, OriginConnection } from './exchange.ts'
import { H1Connection, Landing } from './h1/index.ts'
import { H2_STREAMS, openH2 } from './h2/index.ts'
import type { OriginAddress } from './origin-address.ts'
import type { PoolCounters } from './pool-signals.ts'
import { UndiciConnection } from './undici-connection.ts'

export interface DialSetup {
  readonly address: OriginAddress
  readonly connector: Connector
  readonly client: 'native' | 'undici'
  readonly counters: PoolCounters
}

export type Dialled = (error: Error | null, connection: OriginConnection | null) => void

export class Dialer {
  /** Dials under way. */
  opening = 0
  /** Requests that one connection carries at once, as far as known: a dial is made for so many. */
  streams: number
  /** Some of its connections are HTTP/2. */
  isShared = false
  readonly #setup: DialSetup
  readonly #events: ConnectionEvents

  constructor(setup: DialSetup, events: ConnectionEvents) {
    this.streams = setup.address.protocol === 'h2c' ? H2_STREAMS : 1
    this.#setup = setup
    this.#events = events
  }

  dial(told: Dialled): void {
    const { address, client, connector } = this.#setup
    this.opening++
    const startedMs = performance.now()
    const done: Dialled = (error, connection) => {
      this.opening--
      this.#count(error, startedMs)
      if (connection !== null) this.streams = Math.max(1, connection.capacity)
      told(error, connection)
    }
    const landing = address.protocol === 'http' && client === 'native' ? new Landing() : null
    const speak = (error: Error | null, socket: Transport | null): void => {
      if (socket === null) done(error, null)
      else this.#speakOn(socket, landing, done)
    }
    connector.open(speak, { landing })
  }

  /** A socket on which somebody else will speak HTTP/1.1. */
  dialTransport(told: (error: Error | null, socket: Transport | null) => void): void {
    const startedMs = performance.now()
    this.#setup.connector.open(
      (error, socket) => {
        this.#count(error, startedMs)
        told(error, socket)
      },
      { http2: false },
    )
  }

  #count(error: Error | null, startedMs: number): void {
    this.#setup.counters.connect(isUpstreamFailure(error) ? error.kind : 'ok', performance.now() - startedMs)
  }

  #speakOn(socket: Transport, landing: Landing | null, done: Dialled): void {
    const { protocol, authority } = this.#setup.address
    const events = this.#events
    const scheme = protocol === 'https' ? 'https' : 'http'
    if (protocol === 'h2c' || ('alpnProtocol' in socket && socket.alpnProtocol === 'h2')) {
      this.isShared = true
      return openH2(socket, { origin: { scheme, authority }, events }, done)
    }
    if (this.#setup.client === 'native') return done(null, new H1Connection(socket, { events, landing }))
    done(null, new UndiciConnection(socket, { origin: `${scheme}://${authority}`, events }))
  }
}
