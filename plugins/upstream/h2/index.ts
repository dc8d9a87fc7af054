/**
 * HTTP/2 towards origins over node:http2 (RFC 9113): undici reports a cut answer as whole, does not know the stream limit
 * of its peer and hides how far an upload has come.
 */
export { H2_STREAMS, H2Connection, type H2ConnectionOptions, openH2 } from './connection.ts'
