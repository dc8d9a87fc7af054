/** A writer of raw HTTP/2 frames over TLS, for what Node's own client refuses to send. */
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'

export const type = { data: 0, headers: 1, rst: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 }
export const endStream = 1
export const endHeaders = 4

export function frame(kind: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = kind
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Literal fields, not indexed, without Huffman code (RFC 7541 §6.2.2). */
export function fields(list: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of list) parts.push(Buffer.from([0]), text(name), text(value))
  return Buffer.concat(parts)
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const prefix = [127]
  let rest = bytes.length - 127
  for (; rest >= 128; rest >>= 7) prefix.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([...prefix, rest]), bytes])
}

export function request(path = '/', more: readonly (readonly [string, string])[] = [], method = 'GET') {
  return fields([[':method', method], [':scheme', 'https'], [':authority', 'app.test'], [':path', path], ...more])
}

export interface Frame {
  readonly kind: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export interface RawH2 {
  readonly socket: TLSSocket
  readonly frames: Frame[]
  /** Resolves when `isEnough` says so or the connection has closed. */
  until(isEnough: (frames: Frame[]) => boolean): Promise<Frame[]>
  readonly closed: Promise<void>
}

/** Connects with h2, sends the preface and empty SETTINGS. */
export async function rawH2(t: Test, port: number): Promise<RawH2> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  t.teardown(() => void socket.destroy())
  socket.on('error', () => {})
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  let rest = Buffer.alloc(0)
  socket.on('data', chunk => {
    rest = Buffer.concat([rest, chunk])
    for (let size = sizeOf(rest); size <= rest.length; size = sizeOf(rest)) {
      const [, , , kind, flags] = rest
      frames.push({ kind: kind!, flags: flags!, stream: rest.readUInt32BE(5), payload: rest.subarray(9, size) })
      rest = rest.subarray(size)
    }
    for (const check of waiting) check()
  })
  const closed = new Promise<void>(resolve => void socket.on('close', () => resolve()))
  await new Promise<void>(resolve => void socket.once('secureConnect', () => resolve()))
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(type.settings, 0, 0)]))
  const until = (isEnough: (frames: Frame[]) => boolean) =>
    new Promise<Frame[]>(resolve => {
      const check = () => {
        if (!isEnough(frames) && !socket.closed) return
        waiting.delete(check)
        resolve(frames)
      }
      waiting.add(check)
      socket.on('close', check)
      check()
    })
  return { socket, frames, until, closed }
}

function sizeOf(bytes: Buffer): number {
  return bytes.length < 9 ? Number.POSITIVE_INFINITY : 9 + bytes.readUIntBE(0, 3)
}

/** The error code of the GOAWAY, or null. */
export function goawayCode(frames: readonly Frame[]): number | null {
  const last = frames.findLast(({ kind }) => kind === type.goaway)
  return last === undefined ? null : last.payload.readUInt32BE(4)
}
