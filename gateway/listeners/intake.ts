/**
 * What stands between the protocol servers and the gateway's handlers: checks each request head, keeps pipelined
 * requests in line, and keeps the books on which connections are busy.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ALLOWED_METHODS } from '../allowed-methods.ts'
import { answerRaw } from './client-error.ts'
import { attach, type Connection, connectionOf } from './connection.ts'
import type { ConnectionBook } from './connection-book.ts'
import { decideHead, dropUnderscores, type HeadRefusal } from './head-rules.ts'
import { isHttp2 } from './is-http2.ts'
import { refuseRequest } from './refusal.ts'
import type { ListenerHandlers } from './types.ts'

/** Set on a request whose client waits for `100 Continue`: whoever starts to read the body writes it. */
export const expectsContinue: unique symbol = Symbol('hearthgate.expectsContinue')

/** True when the client sends the body only after `res.writeContinue()`. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return (req as { [expectsContinue]?: boolean })[expectsContinue] === true
}

/** More requests in line than any client sends ahead. */
const MAX_PIPELINED = 64

export class Intake {
  readonly #book: ConnectionBook
  readonly #handlers: ListenerHandlers
  readonly #onAnswered: (this: ServerResponse) => void

  constructor(book: ConnectionBook, handlers: ListenerHandlers) {
    this.#book = book
    this.#handlers = handlers
    const intake = this
    this.#onAnswered = function () {
      intake.#answered(connectionOf(this) as Connection)
    }
  }

  /** 'request' of the HTTP/1.1 server. */
  request1(req: IncomingMessage, res: ServerResponse): void {
    const connection = connectionOf(req.socket)
    if (connection === undefined || this.#isUnwanted(connection)) return
    if (connection.active === 0) this.#start1(connection, req, res)
    else this.#queue(connection, () => this.#start1(connection, req, res))
  }

  /** 'request' of the HTTP/2 server; the books are kept by stream. */
  request2(req: IncomingMessage, res: ServerResponse): void {
    if (this.#admitHead(req, res)) this.#handlers.request(req, res)
  }

  /** 'checkContinue': Node also takes `y 100-continue` for it (RFC 9110 §10.1.1 knows the one word only). */
  expect(req: IncomingMessage, res: ServerResponse): void {
    if (req.headers.expect?.toLowerCase() !== '100-continue') return this.unknownExpectation(req, res)
    Object.defineProperty(req, expectsContinue, { value: true })
    if (isHttp2(req)) this.request2(req, res)
    else this.request1(req, res)
  }

  /** 'checkExpectation': the connection ends, since nobody knows whether the body will come. */
  unknownExpectation(req: IncomingMessage, res: ServerResponse): void {
    // A list without members expects nothing (RFC 9110 §5.6.1.2); some clients switch 100-continue off this way.
    if (req.headers.expect?.trim() === '') return isHttp2(req) ? this.request2(req, res) : this.request1(req, res)
    if (!isHttp2(req)) {
      const connection = connectionOf(req.socket)
      if (connection === undefined || this.#isUnwanted(connection)) return
      connection.closing = true
    }
    this.#handlers.onClientError?.('refused-head')
    refuseRequest(req, res, { status: 417, reason: 'unknown expectation', handlers: this.#handlers })
  }

  /** One that is sent ahead is a request like others (RFC 9110 §7.8 leaves it to the server): its turn has not come. */
  mayUpgrade(req: IncomingMessage): boolean {
    return connectionOf(req.socket)?.active === 0 && this.#handlers.isUpgrade(req)
  }

  upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const connection = connectionOf(socket)
    if (connection === undefined || connection.closing || connection.active > 0) return void socket.destroy()
    this.#book.begin(connection)
    const decision = decideHead(headOf(req), this.#book.limits)
    const refusal = decision.admit ? refusalOfUpgrade(req) : decision
    if (refusal !== null) {
      connection.closing = true
      this.#handlers.onClientError?.('refused-head')
      return answerRaw(socket, refusal.status)
    }
    if (decision.admit && decision.underscores) dropUnderscores(req.rawHeaders, req.headers)
    this.#handlers.upgrade(req, socket, head)
  }

  /** 'connect' over HTTP/1.1: this is no forward proxy. What follows the head is not read as anything. */
  connect1(socket: Socket): void {
    const connection = connectionOf(socket)
    this.#handlers.onClientError?.('refused-head')
    if (connection !== undefined) {
      // Node has taken its hands off the socket, so an answer under way is lost; this one must not pass for it.
      if (connection.active > 0) return void socket.destroy()
      connection.closing = true
    }
    answerRaw(socket, 405, `Allow: ${ALLOWED_METHODS}\r\n`)
  }

  #start1(connection: Connection, req: IncomingMessage, res: ServerResponse): void {
    // The fault that ends the connection is in the body of this one.
    if (connection.afterAnswers !== null && !req.complete) return connection.afterAnswers()
    this.#book.begin(connection)
    connection.request = req
    connection.response = res
    attach(res, connection)
    res.on('close', this.#onAnswered)
    if (connection.via.draining) res.shouldKeepAlive = false
    if (this.#admitHead(req, res)) this.#handlers.request(req, res)
    else connection.closing = true
  }

  #answered(connection: Connection): void {
    connection.request = null
    connection.response = null
    this.#book.end(connection)
    const { socket } = connection
    if (socket.destroyed || socket.writableEnded || connection.active > 0) return
    const next = connection.pipelined.shift()
    if (next !== undefined) next(connection)
    else if (connection.afterAnswers !== null) connection.afterAnswers()
    else if (connection.via.draining) socket.destroySoon()
  }

  /** One at a time, as if sent one at a time: an answer that closes the connection also ends what follows. */
  #queue(connection: Connection, start: () => void): void {
    if (connection.pipelined.length < MAX_PIPELINED) connection.pipelined.push(start)
    else connection.socket.destroy()
  }

  #isUnwanted(connection: Connection): boolean {
    if (!connection.closing && !connection.socket.writableEnded) return false
    // After the last answer only the rest of its own request's body is read for a while.
    if (connection.socket.writableEnded) connection.socket.destroy()
    return true
  }

  #admitHead(req: IncomingMessage, res: ServerResponse): boolean {
    const decision = decideHead(headOf(req), this.#book.limits)
    if (decision.admit) {
      if (decision.underscores) dropUnderscores(req.rawHeaders, req.headers)
      return true
    }
    this.#handlers.onClientError?.(decision.status === 414 ? 'target-too-long' : 'refused-head')
    refuseRequest(req, res, { status: decision.status, reason: decision.reason, handlers: this.#handlers })
    return false
  }
}

function headOf(req: IncomingMessage) {
  return {
    http2: isHttp2(req),
    version: req.httpVersion,
    method: req.method as string,
    target: req.url as string,
    fields: req.rawHeaders,
  }
}

/** A body on a handshake would reach the handler as the first bytes of the tunnel (RFC 9110 §7.8). */
function refusalOfUpgrade(req: IncomingMessage): HeadRefusal | null {
  const length = req.headers['content-length']
  const hasBody = req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  return hasBody ? { admit: false, status: 400, reason: 'a body on an upgrade' } : null
}
