/**
 * Opens a stream of node:http2 on which END_STREAM and a reset are told apart in both directions: that decides whether an
 * answer, or an upload, is whole (RFC 9113 §8.1).
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'

/**
 * `onWhole` is called when END_STREAM is received, before what came with it is read. Null for fields that this version of
 * Node refuses, such as a second Content-Type.
 */
export function openStream(
  session: ClientHttp2Session,
  fields: readonly string[],
  endStream: boolean,
  onWhole: () => void,
): ClientHttp2Stream | null {
  try {
    // Node ends the writable side of a stream that is cancelled, which would bring a broken upload to a valid end. While
    // it waits for trailers it does not send END_STREAM for that; the upload does, when it is complete.
    const stream = session.request(fields, { endStream, waitForTrailers: !endStream })
    watchEnd(stream, onWhole)
    return stream
  } catch {
    return null
  }
}

/**
 * Node ends the readable side for a RST_STREAM with NO_ERROR as it does for END_STREAM, and emits 'end' for both; only at
 * the moment in which the end is pushed they differ, since a reset has closed the stream before.
 */
function watchEnd(stream: ClientHttp2Stream, onWhole: () => void): void {
  const push = stream.push
  stream.push = (chunk, encoding) => {
    if (chunk === null && !stream.closed) onWhole()
    return push.call(stream, chunk, encoding)
  }
}
