/**
 * Clients whose connection has proved who they are, instead of each request: by NTLM, or by Negotiate, which often is NTLM
 * (RFC 4559 §5 and §6). HTTP has no such thing (RFC 9110 §3.3): whoever sends the next request on the same connection to the
 * origin is taken for the same person, so no other client may have that connection, and nothing that came over it is for all.
 */
import type { IncomingMessage } from 'node:http'

const holdsKey: unique symbol = Symbol('hearthgate.holds-connections')

interface ClientConnection {
  [holdsKey]?: true
}

/** The connection of the client; over HTTP/2 the session, which Node hides behind a stand-in. */
function clientConnectionOf(raw: IncomingMessage): object {
  return (raw as { stream?: { session?: object } }).stream?.session ?? raw.socket
}

/** The client's connection when it has shown such credentials, now or before; undefined else. */
export function holdingClient(raw: IncomingMessage): object | undefined {
  const connection: ClientConnection = clientConnectionOf(raw)
  if (connection[holdsKey]) return connection
  const { authorization } = raw.headers
  if (authorization === undefined || !provesConnection(authorization)) return undefined
  connection[holdsKey] = true
  return connection
}

/** Whether credentials are of a scheme that is meant for a connection; scheme names have no case (RFC 9110 §11.1). */
export function provesConnection(authorization: string): boolean {
  return /^\s*(?:ntlm|negotiate)(?:\s|$)/i.test(authorization)
}
