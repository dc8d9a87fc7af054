/** Probes on a bare connection, where an HTTP client would hide what the doctor wants to see. Bounded in time and bytes. */
import net from 'node:net'
import tls from 'node:tls'
import type { Place } from './ask.ts'

/** Far more than a head and the first event of a stream. */
const MAX_BYTES = 65_536

/** What came on a connection, and when it ended. */
export interface RawTalk {
  readonly received: string
  /** True = the other side ended it, or it could not be opened. */
  readonly ended: boolean
  readonly error: string | null
}

/**
 * Sends `head` and listens until `isEnough` is true of what came, the other side ends, or `timeoutMs` are over; then the
 * connection is torn down, so that nothing sent so far can ever become a whole request with a body.
 */
export function talk(
  place: Place,
  head: string,
  { isEnough, timeoutMs }: { isEnough: (received: string) => boolean; timeoutMs: number },
): Promise<RawTalk> {
  return new Promise(resolve => {
    const socket = connect(place)
    let received = ''
    const finish = (ended: boolean, error: string | null) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ received, ended, error })
    }
    const timer = setTimeout(() => finish(false, null), timeoutMs)
    socket.once(place.secure ? 'secureConnect' : 'connect', () => socket.write(head, 'latin1'))
    socket.on('error', (error: NodeJS.ErrnoException) => finish(true, error.code ?? error.message))
    socket.on('close', () => finish(true, null))
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      if (received.length > MAX_BYTES || isEnough(received)) finish(false, null)
    })
  })
}

function connect({ secure, to, serverName }: Place): net.Socket {
  const where = 'socketPath' in to ? { path: to.socketPath } : to
  if (!secure) return net.connect(where)
  const name = serverName === null ? {} : { servername: serverName }
  return tls.connect({ ...where, ...name, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
}

/** `code` null = something listens; `localAddress` is this side's address of the connection. */
export interface Knocked {
  readonly code: string | null
  readonly localAddress: string | null
}

/** Whether anything listens. */
export function knock(place: Place, timeoutMs: number): Promise<Knocked> {
  return new Promise(resolve => {
    const socket = connect({ ...place, secure: false })
    const finish = (code: string | null) => {
      clearTimeout(timer)
      const localAddress = socket.localAddress?.replace(/^::ffff:/, '') ?? null
      socket.destroy()
      resolve({ code, localAddress })
    }
    const timer = setTimeout(() => finish('TIMEOUT'), timeoutMs)
    socket.on('connect', () => finish(null))
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? 'ERROR'))
  })
}
