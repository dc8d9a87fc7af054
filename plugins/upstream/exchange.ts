/**
 * The seam between the pool and a connection: what is handed down for one attempt and what comes back. It is undici's
 * dispatch interface (its handlers work unchanged) with raw heads added, because an object cannot keep the order,
 * spelling and repetition of header lines (RFC 9110 §5.3).
 */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

/** Set to true on a handler that reads `controller.rawHeaders` only: no header object is built for it. */
export const rawHeadersOnly: unique symbol = Symbol('hearthgate.raw-headers-only')

/** How far the body of a request has come, in bytes. */
export interface UploadProgress {
  /** Taken by the origin, as far as can be seen from here. */
  readonly taken: number
  /** Handed to the connection and not taken yet. */
  readonly waiting: number
}

/** A controller that always has the raw head: flat `[name, value, …]`, one JavaScript character a byte (latin1). */
export interface ExchangeController extends Dispatcher.DispatchController {
  rawHeaders: string[] | null
  rawTrailers: string[] | null
  /** Given where exchanges share a connection; where they do not, the counts of the socket say it. */
  uploadProgress?(): UploadProgress
}

/** undici's handler; every callback is optional and runs in the order start, (1xx start)*, start, data*, end | error. */
export interface ExchangeHandler extends Dispatcher.DispatchHandler {
  readonly [rawHeadersOnly]?: true
}

/** One request as it goes on the wire. */
export interface ExchangeRequest {
  readonly method: string
  /** Request target, byte for byte (origin-form, or `*` for OPTIONS). */
  readonly path: string
  /**
   * Flat `[name, value, …]`, with Host, without any framing or hop-by-hop field: the connection adds Content-Length or
   * Transfer-Encoding itself (RFC 9112 §6).
   */
  readonly headers: readonly string[]
  readonly body: Readable | Buffer | null
  /** Bytes of the body; null with a body = unknown, sent chunked. */
  readonly bodyLength: number | null
  /** Read after the body has ended: flat trailer lines to send (chunked bodies only). */
  readonly trailers?: (() => readonly string[] | null) | undefined
  /** The request of a client that it stands for, where an interceptor finds its own notes; absent when nobody waits. */
  readonly incoming?: object | undefined
  /** Another answer is at hand should this fail: nobody wants to wait for an origin that is away. */
  readonly hasStandIn?: boolean | undefined
  /** Which attempt of that request it is; whoever makes attempts hands it down, absent = the only one. */
  readonly attempt?: AttemptFacts | undefined
  /** Origins by URL that are only taken when there is no other. */
  readonly avoid?: ReadonlySet<string> | undefined
  /**
   * The client's connection, where who it is was proved once for all of its requests (`holdingClient`): it gets connections of
   * its own, which end with it. An EventEmitter with 'close'.
   */
  readonly holder?: object | undefined
  /** What a choice by hash goes by: the client's address, or a cookie; absent = any. */
  readonly balanceKey?: string | undefined
}

/** What those in front of the pools know of one attempt, for the record of it. */
export interface AttemptFacts {
  /** 1 for the first. */
  readonly number: number
  readonly isHedge: boolean
  /** Written by whoever made it wait, in ms. */
  queueMs: number
}

/** A request on its way, as far as logs and metrics follow it. */
export interface FollowedExchange {
  /** Attempts that reached a connection, and origins dialled. */
  readonly attempts: number
  readonly pool: { readonly address: { readonly url: string } } | null
}

/** Sends a request to a named group. @throws UpstreamFailure `noOrigin` for a name that is not configured. */
export type Dispatch = (upstream: string, request: ExchangeRequest, handler: ExchangeHandler) => FollowedExchange

/**
 * Stands in front of the pools: is given the way on, and returns the way that others take from then on. It may answer by
 * itself, send another request, or several.
 */
export type Interceptor = (next: Dispatch) => Dispatch

/** One transport connection to one origin. */
export interface OriginConnection {
  /** The transport underneath, for addresses and byte counts; nobody but the connection reads or writes it. */
  readonly socket: Socket
  /** 1 for HTTP/1.1; the number of streams allowed by the peer for HTTP/2. 0 once it takes no more requests. */
  readonly capacity: number
  /** Running exchanges. */
  readonly inFlight: number
  /** Time of creation, `performance.now()` ms. */
  readonly bornMs: number
  /** Answered at least one request whole: a failure before the first byte may then be a keep-alive race. */
  readonly used: boolean
  /**
   * Runs one exchange. Never throws and never calls the handler back synchronously with an error: failures arrive at
   * `onResponseError` as UpstreamFailure. `onRequestStart` may be called synchronously.
   */
  dispatch(request: ExchangeRequest, handler: ExchangeHandler): void
  /** Takes no more requests; closes when the running ones are done. */
  close(): void
  /** Ends it at once; running exchanges fail with `reason`. */
  destroy(reason: Error): void
}

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** It can take a request again. `keepAliveHintMs`: the origin's own `Keep-Alive: timeout`, if it sent one. */
  onFree(connection: OriginConnection, keepAliveHintMs: number | null): void
  /** It takes no more requests while some still run on it: its place is free for another connection. */
  onDraining?(connection: OriginConnection): void
  /** It is gone. Called exactly once, after the handlers of running exchanges. `idle`: the origin closed it unused. */
  onGone(connection: OriginConnection, idle: boolean): void
}
