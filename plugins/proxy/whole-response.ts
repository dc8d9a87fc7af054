/**
 * Answers of HTTP/1.1 that are whole when they begin, in one piece past Node's way of framing: Node makes a head line by
 * line, gives the socket head, body and end as three pieces and gathers them again, which is a quarter of the CPU time of
 * a small answer (bench: small, hit, 304). What follows an answer (the next request of the connection, its idle time) stays
 * Node's, which waits for 'finish'.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { keepAliveHint, namesConnection } from './whole-head.ts'

/** Answers up to this size, with their heads, are copied together: one write of one buffer. */
const SCRATCH_BYTES = 32_768

/** Used again as soon as the kernel has taken what lay in it, which it mostly does at once. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

const writeHead = ServerResponse.prototype.writeHead as (this: ServerResponse, ...args: unknown[]) => never

const nodeHeadersSent = nodeGetter('headersSent')
const nodeFinished = nodeGetter('writableFinished')

/** For `createServer({ ServerResponse })`, also of Fastify (`http: { ServerResponse: WholeResponse }`). */
export class WholeResponse extends ServerResponse<IncomingMessage> {
  #isSent = false
  #isTaken = false

  /** How long the connection is kept for the next request, which clients are told; 0 = they are not. */
  get keepAliveMs(): number {
    return 0
  }

  /** Node tells how long it keeps a connection only where it does so by a timer of its own, made anew around each request. */
  override writeHead(status: number, ...rest: unknown[]): this {
    const hint = this.shouldKeepAlive && !this.#isSent ? keepAliveHint(this.keepAliveMs) : null
    const given = rest.at(-1)
    if (hint === null || this.hasHeader('connection') || namesConnection(given))
      return writeHead.call(this, status, ...rest)
    const reason = typeof rest[0] === 'string' ? [rest[0]] : []
    if (Array.isArray(given)) return writeHead.call(this, status, ...reason, [...given, 'Keep-Alive', hint])
    if (typeof given !== 'object' || given === null) this.setHeader('Keep-Alive', hint)
    else return writeHead.call(this, status, ...reason, { ...given, 'Keep-Alive': hint })
    return writeHead.call(this, status, ...rest)
  }

  /** False where Node has to frame the answer: the connection ends with it, its turn has not come, or it has begun. */
  get takesWhole(): boolean {
    const { socket } = this
    if (socket === null || !socket.writable || !this.shouldKeepAlive || isLastOfMany(this)) return false
    return !this.finished && this.writableLength === socket.writableLength && !nodeHeadersSent(this)
  }

  /** Head (of `RepeatedHead`), body and end. The pieces are not to change until the answer has closed. */
  endWhole(status: number, head: string, body: readonly Buffer[], bodyLength: number): void {
    const socket = this.socket as NonNullable<typeof this.socket>
    this.statusCode = status
    this.#isSent = true
    this.finished = true
    const onTaken = (error?: Error | null) => this.#taken(error ?? null)
    if (head.length + bodyLength <= SCRATCH_BYTES) {
      // TLS takes it later, and so does a client that does not read: the common buffer would have to be made anew for each.
      const isKept = socket.writableLength > 0 || (socket as Partial<TLSSocket>).encrypted === true
      const bytes = isKept ? Buffer.allocUnsafe(head.length + bodyLength) : scratch
      let length = bytes.write(head, 'latin1')
      for (const piece of body) length += piece.copy(bytes, length)
      socket.write(isKept ? bytes : scratch.subarray(0, length), onTaken)
      if (!isKept && socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
      return
    }
    socket.cork()
    // A head that long may be all there is, as for HEAD and 304.
    socket.write(head, 'latin1', body.length === 0 ? onTaken : undefined)
    for (const [i, piece] of body.entries()) socket.write(piece, i === body.length - 1 ? onTaken : undefined)
    socket.uncork()
  }

  #taken(error: Error | null): void {
    if (error !== null || this.errored || this.socket?.errored) return
    this.#isTaken = true
    this.emit('finish')
  }

  static {
    // Node has these as getters, its types as fields, which a class cannot override with getters.
    Object.defineProperties(WholeResponse.prototype, {
      headersSent: {
        get(this: WholeResponse) {
          return this.#isSent || nodeHeadersSent(this)
        },
      },
      writableFinished: {
        get(this: WholeResponse) {
          return this.#isTaken || nodeFinished(this)
        },
      },
    })
  }
}

/** Set by Node where `maxRequestsPerSocket` is reached; its types do not know it. */
function isLastOfMany(response: ServerResponse): boolean {
  return (response as { maxRequestsOnConnectionReached?: boolean }).maxRequestsOnConnectionReached === true
}

function nodeGetter(name: 'headersSent' | 'writableFinished'): (response: ServerResponse) => boolean {
  let owner: object | null = ServerResponse.prototype
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null
  const get = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, name)?.get
  return response => get?.call(response) === true
}
