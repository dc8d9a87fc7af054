/**
 * `/ws`: a WebSocket that sends back every text and binary message (RFC 6455). Bounded in connections, bytes of a
 * message and silence; a client that does not read is not read from.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { encodeClose, encodeFrame, type Fault, FrameReader, OPCODE } from './frames.ts'
import { decideHandshake } from './handshake.ts'
import { MessageReader, type Step } from './messages.ts'

/** Most WebSockets at the same time; the next one gets 503. */
export const MAX_SOCKETS = 128

/** How long a client has to answer our close frame with the end of its connection. */
const CLOSE_TIMEOUT_MS = 1000

/** What an upgrade event hands over. The HTTP server's sockets are `net.Socket`s, with their inactivity timer. */
export interface UpgradedSocket extends Duplex {
  setTimeout(ms: number): unknown
  destroySoon(): void
}

/** All WebSockets of one demo. */
export class EchoServer {
  readonly #connections = new Set<EchoConnection>()
  readonly #idleMs: number

  /** @param idleMs silence after which a ping is sent; as much silence again ends the connection. */
  constructor(idleMs = 60_000) {
    this.#idleMs = idleMs
  }

  /** Takes over a connection whose request asked for an upgrade; `first` are the bytes that came with it. */
  upgrade(req: IncomingMessage, socket: UpgradedSocket, first: Buffer): void {
    socket.on('error', () => socket.destroy())
    const path = (req.url ?? '').split('?', 1)[0] ?? ''
    const decision = decideHandshake(req.method ?? '', path, req.headers)
    if (!decision.accept) refuse(socket, decision.status, decision.reason)
    else if (this.#connections.size >= MAX_SOCKETS) refuse(socket, 503, 'too many WebSockets')
    else this.#accept(socket, decision.headers, first)
  }

  /** Says goodbye with 1001 and ends every connection. */
  close(): void {
    for (const connection of this.#connections) connection.goAway()
  }

  #accept(socket: UpgradedSocket, lines: readonly string[], first: Buffer): void {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: hearthgate-demo\r\n${lines.join('\r\n')}\r\n\r\n`,
    )
    const connection = new EchoConnection(socket, this.#idleMs)
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
    if (first.length > 0) connection.receive(first)
  }
}

function refuse(socket: UpgradedSocket, status: number, reason: string): void {
  const body = `${reason}\n`
  const version = status === 426 ? 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' : ''
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nServer: hearthgate-demo\r\n${version}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  socket.destroySoon()
}

class EchoConnection {
  readonly #socket: UpgradedSocket
  readonly #frames = new FrameReader()
  readonly #messages = new MessageReader()
  #isClosing = false
  #isProbed = false

  constructor(socket: UpgradedSocket, idleMs: number) {
    this.#socket = socket
    // The HTTP server's own listener would destroy a silent connection before it is asked for a sign of life.
    socket.removeAllListeners('timeout')
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('drain', () => socket.resume())
    socket.on('end', () => socket.end())
    socket.setTimeout(idleMs)
    socket.on('timeout', () => this.#probe())
  }

  /** Takes bytes of the client. */
  receive(chunk: Buffer): void {
    this.#isProbed = false
    if (this.#isClosing) return
    const { frames, fault } = this.#frames.push(chunk)
    for (const frame of frames) {
      this.#follow(this.#messages.take(frame))
      if (this.#isClosing) return
    }
    if (fault !== null) this.#fail(fault)
  }

  goAway(): void {
    if (!this.#isClosing) this.#socket.write(encodeClose(1001, 'the demo ends'))
    this.#isClosing = true
    this.#socket.destroySoon()
  }

  #follow(step: Step): void {
    if (step.do === 'message') this.#send(encodeFrame(step.opcode, step.payload))
    else if (step.do === 'pong') this.#send(encodeFrame(OPCODE.pong, step.payload))
    else if (step.do === 'fail') this.#fail(step.fault)
    else if (step.do === 'close') {
      this.#finish(step.code === null ? encodeFrame(OPCODE.close, Buffer.alloc(0)) : encodeClose(step.code, ''))
    }
  }

  #send(frame: Buffer): void {
    if (!this.#socket.write(frame)) this.#socket.pause()
  }

  #fail(fault: Fault): void {
    this.#finish(encodeClose(fault.code, fault.reason))
  }

  /** The server ends first (RFC 6455 §7.1.1); bytes that still come are read and dropped, else a reset could overtake
   * the close frame. */
  #finish(lastFrame: Buffer): void {
    this.#isClosing = true
    this.#socket.end(lastFrame)
    this.#socket.resume()
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS)
    this.#socket.on('close', () => clearTimeout(timer))
  }

  #probe(): void {
    if (this.#isProbed || this.#isClosing) {
      this.#socket.destroy()
      return
    }
    this.#isProbed = true
    this.#socket.write(encodeFrame(OPCODE.ping, Buffer.alloc(0)))
  }
}
