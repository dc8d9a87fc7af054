/** An h2c origin made of raw frames, for what Node's own server refuses to send or sends otherwise. */
import net, { type Socket } from 'node:net'
import { endHeaders, endStream, fields, frame, type } from '../../../gateway/listeners/raw-h2.ts'
import { listen, type Teardown } from '../support.ts'

export { endHeaders, endStream, fields, frame, type }

export interface RawStream {
  readonly id: number
  readonly socket: Socket
  /** HEADERS with `:status` and the fields. */
  head(status: number, more?: readonly (readonly [string, string])[], flags?: number): RawStream
  data(text: string, flags?: number): RawStream
  reset(code: number): RawStream
  goaway(lastStreamId: number, code?: number): RawStream
}

export interface RawH2Origin {
  readonly url: string
  connections: number
  /** Ids of the streams that were opened, over all connections. */
  readonly streams: number[]
  /** Codes of the RST_STREAM frames that came. */
  readonly resets: number[]
  /** Streams whose request came to its END_STREAM. */
  readonly ended: number[]
}

/** SETTINGS frame of `[identifier, value]` pairs. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6)
  for (const [i, [identifier, value]] of pairs.entries()) {
    payload.writeUInt16BE(identifier, i * 6)
    payload.writeUInt32BE(value, i * 6 + 2)
  }
  return frame(type.settings, 0, 0, payload)
}

export async function rawH2Origin(
  t: Teardown,
  onRequest: (stream: RawStream, count: number) => void,
  hello: Buffer = settings(),
): Promise<RawH2Origin> {
  const seen = { connections: 0, streams: [] as number[], resets: [] as number[], ended: [] as number[] }
  const server = net.createServer(socket => {
    seen.connections++
    socket.write(hello)
    readFrames(socket, (kind, flags, id, payload) => {
      if (kind === type.settings && flags === 0) socket.write(frame(type.settings, 1, 0))
      if (kind === type.rst) seen.resets.push(payload.readUInt32BE(0))
      if ((kind === type.headers || kind === type.data) && (flags & endStream) !== 0) seen.ended.push(id)
      if (kind !== type.headers) return
      seen.streams.push(id)
      onRequest(streamOn(socket, id), seen.streams.length)
    })
  })
  const port = await listen(t, server)
  return Object.assign(seen, { url: `h2c://127.0.0.1:${port}` })
}

function readFrames(socket: Socket, onFrame: (kind: number, flags: number, id: number, payload: Buffer) => void) {
  const preface = 24
  let rest = Buffer.alloc(0)
  let isOpen = false
  socket.on('data', chunk => {
    rest = Buffer.concat([rest, chunk])
    if (!isOpen && rest.length >= preface) {
      isOpen = true
      rest = rest.subarray(preface)
    }
    while (isOpen && rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3)
      if (rest.length < end) return
      onFrame(rest[3] as number, rest[4] as number, rest.readUInt32BE(5), rest.subarray(9, end))
      rest = rest.subarray(end)
    }
  })
}

function streamOn(socket: Socket, id: number): RawStream {
  const code = (value: number) => {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(value)
    return payload
  }
  const stream: RawStream = {
    id,
    socket,
    head: (status, more = [], flags = 0) => {
      const block = fields([[':status', String(status)], ...more])
      return put(frame(type.headers, flags | endHeaders, id, block))
    },
    data: (text, flags = 0) => put(frame(type.data, flags, id, Buffer.from(text))),
    reset: value => put(frame(type.rst, 0, id, code(value))),
    goaway: (last, value = 0) => put(frame(type.goaway, 0, 0, Buffer.concat([code(last), code(value)]))),
  }
  function put(bytes: Buffer): RawStream {
    socket.write(bytes)
    return stream
  }
  return stream
}
