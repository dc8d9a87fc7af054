/** What is known of one accepted connection, from the TCP accept to its close, whatever protocol it turns out to speak. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Bag, type BagMember } from '../../plugins/contract/index.ts'
import type { Linked, LinkedList } from './linked-list.ts'

/** The listener a connection came in by. `draining`: its requests are the last ones. */
export interface Entrance {
  readonly draining: boolean
  readonly secure: boolean
}

/** A request that waits until the one before it on the same HTTP/1.1 connection is answered. */
export type PipelinedRequest = (connection: Connection) => void

/** A stream that is not closed yet. */
export interface OpenStream extends BagMember {
  readonly stream: ServerHttp2Stream
}

const key = Symbol('hearthgate.connection')

export class Connection implements Linked {
  list: LinkedList<Linked> | null = null
  before: Linked | null = null
  after: Linked | null = null

  /** The TCP socket. */
  readonly raw: Socket
  /** The TLS socket once the handshake is done, else the TCP socket. */
  socket: Socket
  /** TLS is spoken, or about to be. */
  readonly secure: boolean
  readonly via: Entrance
  /** Under which it counts towards the connections of one address; null = exempt. */
  readonly address: string | null
  session: ServerHttp2Session | null = null
  /** Open streams of an HTTP/2 session. */
  readonly streams = new Bag<OpenStream>()
  /** Requests under way; a tunnel stays one until its socket closes. */
  active = 0
  /** The HTTP/1.1 exchange under way, null in a tunnel. */
  request: IncomingMessage | null = null
  response: ServerResponse | null = null
  readonly pipelined: PipelinedRequest[] = []
  /** An answer that ends the connection has been given: nothing more is read as a request. */
  closing = false
  /** While `closing`: to be called when more bytes came in. */
  onUnwanted: (() => void) | null = null
  /** While `closing`: what is left to do when all that was asked before has been answered. */
  afterAnswers: (() => void) | null = null
  /** When it came into its present list, and how much it had received by then. */
  sinceMs = 0
  receivedThen = 0
  /** For the stall rule: bytes taken by the peer's side so far, and since when no more. */
  sent = -1
  sentAtMs = 0

  constructor(raw: Socket, via: Entrance, address: string | null) {
    this.raw = raw
    this.socket = raw
    this.via = via
    this.secure = via.secure
    this.address = address
    attach(raw, this)
  }

  /** From now on the connection is also found by this TLS socket or session. */
  adopt(socket: Socket): void {
    this.socket = socket
    attach(socket, this)
  }
}

/** The connection that a socket or session belongs to. */
export function connectionOf(carrier: object): Connection | undefined {
  return (carrier as { [key]?: Connection })[key]
}

export function attach(carrier: object, connection: Connection): void {
  ;(carrier as { [key]?: Connection })[key] = connection
}
