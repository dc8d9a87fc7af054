/** One WebSocket through a contender, as far as a proxy sees it: an upgrade, then frames. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'

/** Text frame of 64 bytes, masked with zeros: the origin sends it back as it is. */
const FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | 64, 0, 0, 0, 0]), Buffer.alloc(64, 'x')])
const PATIENCE_MS = 10_000

export class Tunnel {
  readonly #socket: net.Socket
  #missing = 0
  #onBack: (() => void) | null = null

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#missing -= chunk.length
      if (this.#missing <= 0) this.#onBack?.()
    })
  }

  /** Rejects unless the answer is 101 and nothing else. */
  static async open(port: number): Promise<Tunnel> {
    const socket = net.connect(port, '127.0.0.1').setNoDelay()
    socket.on('error', () => {})
    const key = randomBytes(16).toString('base64')
    const fields = ['Host: bench', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
    socket.write(`GET /live HTTP/1.1\r\n${fields.join('\r\n')}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`)
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer]
    const text = answer.toString('latin1')
    if (!text.startsWith('HTTP/1.1 101') || !text.endsWith('\r\n\r\n'))
      throw new Error(`no tunnel: ${text.slice(0, 80)}`)
    return new Tunnel(socket)
  }

  /** Milliseconds until a frame is back. */
  async echo(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#missing = FRAME.length
    this.#onBack = resolve
    const timer = setTimeout(() => reject(new Error(`no frame within ${PATIENCE_MS} ms`)), PATIENCE_MS)
    const sentMs = performance.now()
    this.#socket.write(FRAME)
    await promise.finally(() => clearTimeout(timer))
    return performance.now() - sentMs
  }

  close(): void {
    this.#socket.destroy()
  }
}
