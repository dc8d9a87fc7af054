/** What can go wrong before a listener is open. Both are boot errors: the message names the file or the address. */
import createError from '@fastify/error'

/** A certificate or key that cannot be used: `new TlsError(file, reason, { cause })`. */
export const TlsError = createError<[string, string, ErrorOptions?]>('HG_TLS', '%s: %s', 500)

/** An address that cannot be listened on: `new ListenError(address, reason, { cause })`. */
export const ListenError = createError<[string, string, ErrorOptions?]>('HG_LISTEN', 'cannot listen on %s: %s', 500)

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
