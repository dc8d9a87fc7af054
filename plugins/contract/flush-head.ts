/** Sends the head of an answer before the first byte of its body is there. */
import type { ServerResponse } from 'node:http'

/**
 * Over HTTP/1.1 not by `flushHeaders`, which writes the head as UTF-8: a value with bytes above ASCII, as in a file name,
 * would come out as other bytes than the app sent. An answer without a body has nothing to be ahead of.
 */
export function flushHead(raw: ServerResponse): void {
  if ('stream' in raw) raw.flushHeaders()
  else raw.write('', 'latin1')
}
