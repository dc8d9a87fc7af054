/**
 * Answers that the gateway itself gives to an upgrade, written straight to the socket, since there is no response object
 * any more; the connection ends with it.
 */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { UpgradeFailure } from './errors.ts'
import { encodeHead } from './head-lines.ts'
import { endAndLinger } from './socket-end.ts'

export interface LocalAnswer {
  readonly status: number
  /** Flat, without Connection and Content-Length. */
  readonly headers: readonly string[]
  readonly body: string | Buffer
}

/** The answer to a failure where no other page is given: JSON without any internal address. */
export function renderFailureAsJson(failure: UpgradeFailure): LocalAnswer {
  const { statusCode, code, message } = failure
  const headers = ['Content-Type', 'application/json; charset=utf-8', 'Cache-Control', 'no-store']
  headers.push('Proxy-Status', `hearthgate; error=${failure.proxyStatus}`)
  if (statusCode === 503) headers.push('Retry-After', '1')
  const body = JSON.stringify({ statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message })
  return { status: statusCode, headers, body }
}

/** Writes the answer and ends the connection once it has been taken. */
export function sendAnswer(socket: Duplex, answer: LocalAnswer): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const framing = ['Content-Length', String(body.length), 'Connection', 'close']
  const firstLine = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`
  endAndLinger(socket, Buffer.concat([encodeHead(firstLine, [...answer.headers, ...framing]), body]))
}
