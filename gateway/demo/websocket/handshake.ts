/**
 * The server's half of the WebSocket handshake (RFC 6455 §4.2), as a pure decision.
 */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export type HandshakeDecision =
  | { readonly accept: true; readonly reason: 'valid'; readonly headers: readonly string[] }
  | { readonly accept: false; readonly reason: string; readonly status: 400 | 404 | 405 | 426 }

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The subprotocol that is chosen where the client offers it. */
const PROTOCOL = 'echo'

/** Decides about a request that asks for an upgrade; `headers` are the lines that the 101 has besides Upgrade. */
export function decideHandshake(method: string, path: string, headers: IncomingHttpHeaders): HandshakeDecision {
  if (path !== '/ws') return refuse(404, 'no WebSocket here')
  if (method !== 'GET') return refuse(405, 'the method must be GET')
  if (headers['sec-websocket-version'] !== '13') return refuse(426, 'the version must be 13')
  const key = headers['sec-websocket-key']
  if (key === undefined || !isNonce(key)) return refuse(400, 'the key must be 16 bytes in base64')
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  const lines = [`Sec-WebSocket-Accept: ${accept}`]
  const offered = headers['sec-websocket-protocol']?.split(',').map(name => name.trim()) ?? []
  if (offered.includes(PROTOCOL)) lines.push(`Sec-WebSocket-Protocol: ${PROTOCOL}`)
  return { accept: true, reason: 'valid', headers: lines }
}

function isNonce(key: string): boolean {
  return key.length === 24 && Buffer.from(key, 'base64').length === 16
}

function refuse(status: 400 | 404 | 405 | 426, reason: string): HandshakeDecision {
  return { accept: false, reason, status }
}
