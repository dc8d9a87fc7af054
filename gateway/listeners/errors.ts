/** What can go wrong before a listener is open. Both are boot errors: the message names the file or the address. */
import createError from '@fastify/error'

/** A certificate or key that cannot be used: `new TlsError(file, reason, { cause })`. */
export const TlsError = createError<[string, string, ErrorOptions?]>('HG_TLS', '%s: %s', 500)

/** An address that cannot be listened on: see `listenError`. */
const ListenError = createError<[string, string, ErrorOptions?]>('HG_LISTEN', 'cannot listen on %s: %s', 500)

/** What to do about it, by the codes of the system. */
const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it; stop that one, or choose another port',
  EACCES: 'not permitted; take a port from 1024 on, or let this user have lower ones (CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'this machine has no such address; 0.0.0.0 and :: stand for all that it has',
  ENOTFOUND: 'no such name is known; write an address',
}

/** @param key of the configuration that names the address. */
export function listenError(key: 'listen' | 'admin', address: string, cause: NodeJS.ErrnoException): Error {
  const remedy = remedies[cause.code ?? '']
  const reason = remedy === undefined ? cause.message : `${remedy} in \`${key}\` (${cause.code})`
  return new ListenError(address, reason, { cause })
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
