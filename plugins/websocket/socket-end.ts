/**
 * The ways a socket ends: after an answer, so that the answer is not lost to a reset (RFC 9112 §9.6), or by a reset, so
 * that what was sent does not look complete.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

const LINGER_MS = 1000

/**
 * Ends the writing side after `last`, then reads and drops what still comes until the peer ends too, at most a second
 * from the moment the last byte has left.
 */
export function endAndLinger(socket: Duplex, last?: Buffer): void {
  socket.once('finish', () => {
    if (socket.readableEnded) socket.destroy()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
    socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(timer))
  })
  socket.resume()
  if (last === undefined) socket.end()
  else socket.end(last)
}

/** Ends a socket by RST where that is possible, else without the closing message of its protocol. */
export function resetSocket(socket: Duplex): void {
  if (socket instanceof Socket && !(socket instanceof TLSSocket) && socket.remoteFamily !== undefined)
    socket.resetAndDestroy()
  else socket.destroy()
}

/** What every socket of a tunnel gets: an error listener for its whole life, no delay, keep-alive, no time limit. */
export function prepareSocket(socket: Duplex, keepAliveMs: number): void {
  socket.on('error', ignoreError)
  socket.allowHalfOpen = true
  if (!(socket instanceof Socket)) return
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

/** An error is always followed by 'close', which is where it is dealt with. */
export function ignoreError(): void {}
