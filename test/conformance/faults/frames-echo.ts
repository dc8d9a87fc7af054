/** WebSocket on raw sockets: the handshake, masked frames of a client, an origin that echoes them (RFC 6455 §4, §5). */
import { createHash } from 'node:crypto'
import type { RawClient } from '../../support/raw-client.ts'
import type { Arrival } from './origin.ts'
import type { CaseRun } from './types.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export function upgradeBytes(path: string, lines: readonly string[] = [], body = ''): string {
  const all = [`GET ${path} HTTP/1.1`, 'Host: app.test', 'Connection: Upgrade', 'Upgrade: websocket', ...lines]
  return `${all.join('\r\n')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n${body}`
}

export function acceptBytes(arrival: Arrival): string {
  const key = arrival.message.one('sec-websocket-key') ?? ''
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}

/** Head of a binary frame. A client's frame is masked, here with a key of zeros, which leaves the bytes as they are. */
export function frameHead(length: number, isClient: boolean): Buffer {
  const mask = isClient ? 0x80 : 0
  const key = Buffer.alloc(isClient ? 4 : 0)
  if (length < 126) return Buffer.concat([Buffer.from([0x82, mask | length]), key])
  const head = Buffer.alloc(10)
  head[0] = 0x82
  head[1] = mask | 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, key])
}

/** Answers 101 and sends every frame of the client back. */
export function echo(arrival: Arrival): void {
  let head: Buffer = Buffer.alloc(0)
  let left = 0
  arrival.write(acceptBytes(arrival))
  arrival.tunnel(chunk => {
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        head = Buffer.concat([head, rest])
        const { size, length } = parseHead(head)
        if (head.length < size) return
        rest = head.subarray(size)
        head = Buffer.alloc(0)
        left = length
        arrival.write(frameHead(length, false))
      }
      const part = rest.subarray(0, left)
      left -= part.length
      rest = rest.subarray(part.length)
      if (part.length > 0 && !arrival.write(part)) arrival.socket.pause()
    }
  })
  arrival.socket.on('drain', () => arrival.socket.resume())
}

function parseHead(bytes: Buffer): { size: number; length: number } {
  const short = (bytes[1] ?? 0) & 0x7f
  if (bytes.length < 2 || short < 126) return { size: 6, length: short }
  if (short === 126) return { size: 8, length: bytes.length < 4 ? 0 : bytes.readUInt16BE(2) }
  return { size: 14, length: bytes.length < 10 ? 0 : Number(bytes.readBigUInt64BE(2)) }
}

/** An open tunnel: the 101 has been read, what follows is in `received`. */
export async function openTunnel(run: CaseRun, path: string): Promise<RawClient> {
  const client = run.client().send(upgradeBytes(path))
  const got = await client.answer('GET', 5_000)
  if (got.status !== 101) throw new Error(`the upgrade was answered ${got.status}`)
  return client
}
