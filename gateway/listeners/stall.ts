/**
 * Tells a client that does not read from one that waits: there is something to send and none of it has been taken for
 * `writeIdleMs`. A slow origin or a quiet event stream leaves nothing to send and is never cut by this.
 */
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Connection } from './connection.ts'

/**
 * One write above this may take longer than the limit while its size does not change; then what its whole connection
 * takes counts, from an amount that answers to PING do not reach.
 */
const LARGE_WRITE = 131_072
const CONNECTION_PROGRESS = 16_384

interface StreamMark {
  readonly size: number
  readonly sent: number
  readonly atMs: number
}

const marks = new WeakMap<ServerHttp2Stream, StreamMark>()

/** Looks at a connection once more; true = destroy it. */
export function isStalled(connection: Connection, nowMs: number, writeIdleMs: number): boolean {
  const waiting = queued(connection.raw) + connection.socket.writableLength
  const sent = taken(connection.raw)
  if (waiting === 0 || sent !== connection.sent) {
    connection.sent = sent
    connection.sentAtMs = nowMs
    return false
  }
  return nowMs - connection.sentAtMs >= writeIdleMs
}

/** The streams of a session that wait for a window their client never opens, while others of it may well move. */
export function stalledStreams(connection: Connection, nowMs: number, writeIdleMs: number): ServerHttp2Stream[] {
  const found: ServerHttp2Stream[] = []
  connection.streams.visit(({ stream }) => {
    const size = stream.bufferSize
    const mark = marks.get(stream)
    const moved = mark === undefined || size === 0 || size !== mark.size
    const flows = size > LARGE_WRITE && connection.sent - (mark?.sent ?? 0) >= CONNECTION_PROGRESS
    if (moved || flows) marks.set(stream, { size, sent: connection.sent, atMs: nowMs })
    else if (nowMs - mark.atMs >= writeIdleMs) found.push(stream)
  })
  return found
}

/** Node shows no other way how much of one large write is still here; without it a slow reader of one would be cut. */
interface StreamHandle {
  readonly writeQueueSize?: number
  readonly bytesWritten?: number
}

function handleOf(socket: Socket): StreamHandle | null {
  return (socket as unknown as { _handle: StreamHandle | null })._handle
}

function queued(raw: Socket): number {
  return handleOf(raw)?.writeQueueSize ?? 0
}

function taken(raw: Socket): number {
  const handle = handleOf(raw)
  return (handle?.bytesWritten ?? raw.bytesWritten) - (handle?.writeQueueSize ?? 0)
}
