/** The one timer of the listeners: ends connections that are silent, idle or not reading for too long. */
import { constants } from 'node:http2'
import type { GlobalLimits } from '../config/types.ts'
import { answerAndClose } from './client-error.ts'
import type { Connection } from './connection.ts'
import type { ConnectionBook } from './connection-book.ts'
import { endSession } from './http2.ts'
import { isStalled, stalledStreams } from './stall.ts'
import type { ListenerHandlers } from './types.ts'

const LONGEST_MS = 1_000
const SHORTEST_MS = 25
/** Node closes an idle HTTP/1.1 connection itself this long after the time it announced; ours is the net below. */
const IDLE_BUFFER_MS = 1_000

/** A second, or a quarter of the shortest limit. */
export function sweepIntervalMs(limits: GlobalLimits): number {
  const shortest = Math.min(limits.headerTimeoutMs, limits.writeIdleMs, limits.keepAliveMs)
  return Math.max(SHORTEST_MS, Math.min(LONGEST_MS, Math.floor(shortest / 4)))
}

export function sweep(book: ConnectionBook, handlers: ListenerHandlers, nowMs: number): void {
  for (const connection of book.lateHeads()) {
    // An answer that lingers gets the same time once more.
    book.startFresh(connection)
    if (!connection.closing) handlers.onClientError?.('head-timeout')
    endLate(connection, 408)
  }
  for (const connection of book.lateIdle(IDLE_BUFFER_MS)) endLate(connection, null)
  book.busy.forEach(connection => {
    sweepBusy(connection, book.limits.writeIdleMs, handlers, nowMs)
  })
}

function endLate(connection: Connection, status: number | null): void {
  const { session, socket, raw } = connection
  if (session !== null) endSession(connection, constants.NGHTTP2_NO_ERROR)
  else if (connection.closing || raw.bytesRead === 0 || isInHandshake(connection)) raw.destroy()
  else answerAndClose(connection, socket.bytesRead === 0 ? null : status)
}

/** The acceptor swaps the socket when TLS has been agreed. */
function isInHandshake(connection: Connection): boolean {
  return connection.secure && connection.socket === connection.raw
}

function sweepBusy(connection: Connection, writeIdleMs: number, handlers: ListenerHandlers, nowMs: number): void {
  if (isStalled(connection, nowMs, writeIdleMs)) {
    handlers.onClientError?.('write-stalled')
    connection.closing = true
    connection.raw.destroy()
    return
  }
  if (connection.session === null) return
  for (const stream of stalledStreams(connection, nowMs, writeIdleMs)) {
    handlers.onClientError?.('write-stalled')
    stream.close(constants.NGHTTP2_CANCEL)
  }
}
