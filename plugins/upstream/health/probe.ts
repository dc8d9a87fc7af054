/**
 * Asks one origin whether it is well, on a connection of its own.
 */
import http from 'node:http'
import type { Connector } from '../connector.ts'
import type { OriginAddress } from '../origin-address.ts'

export interface ProbeOptions {
  readonly path: string
  readonly intervalMs: number
  /** The status that means well; null = any from 200 to 399. */
  readonly status: number | null
}

/** A probe that is not answered within this time has failed. */
const TIMEOUT_MS = 5_000
/** How far the time to the next probe may lie from the interval, as a share of it. */
const JITTER = 0.1

/** Probes that have to fail in a row before an origin is left out. */
export const PROBE_FAILURES = 2

export function nextProbeDelayMs({ intervalMs }: ProbeOptions, random: number): number {
  return intervalMs * (1 + JITTER * (2 * random - 1))
}

/** Never rejects. An origin of `h2c` is only connected to: it speaks no HTTP/1.1. */
export function probeOrigin(connector: Connector, address: OriginAddress, options: ProbeOptions): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  connector.open(
    (_error, socket) => {
      if (socket === null) return resolve(false)
      if (address.protocol === 'h2c') {
        socket.destroy()
        return resolve(true)
      }
      const end = (isWell: boolean) => {
        socket.destroy()
        resolve(isWell)
      }
      const { path } = options
      const headers = { host: address.authority, connection: 'close', 'user-agent': 'hearthgate-probe' }
      const request = http.get({ createConnection: () => socket, path, headers, timeout: TIMEOUT_MS }, answer => {
        answer.resume()
        end(isWellStatus(answer.statusCode ?? 0, options.status))
      })
      request.on('error', () => end(false))
      request.on('timeout', () => end(false))
    },
    { http2: false },
  )
  return promise
}

function isWellStatus(status: number, wanted: number | null): boolean {
  return wanted === null ? status >= 200 && status < 400 : status === wanted
}
