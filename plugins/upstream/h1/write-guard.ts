/**
 * Lets a socket outlive an error of its writing side. An origin that refuses an upload early answers and resets; a
 * write that runs into the reset makes Node close the socket with the answer still unread in the receive buffer.
 */
import type { Socket } from 'node:net'

type Destroy = (error?: Error) => Socket

/**
 * From now on `outlives` is asked about every error of a write: true = the socket stays open for reading and it is on
 * the caller to destroy it. Any other way to destroy the socket works as before.
 */
export function guardWrites(socket: Socket, outlives: (error: Error) => boolean): void {
  const destroy: Destroy = socket.destroy
  // Node tells a failed write from `destroy(error)` alone; no event comes before the descriptor is closed.
  socket.destroy = (error?: Error): Socket => {
    if (error === undefined || !isWriteError(error) || socket.destroyed || !outlives(error)) {
      return destroy.call(socket, error)
    }
    keepReadable(socket)
    return socket
  }
}

function isWriteError(error: NodeJS.ErrnoException): boolean {
  return error.syscall === 'write'
}

/** Node has marked the readable half as failed as well, and would drop what is received. */
function keepReadable(socket: Socket): void {
  const state = (socket as Socket & { _readableState?: { errored: Error | null } })._readableState
  if (state !== undefined) state.errored = null
}
