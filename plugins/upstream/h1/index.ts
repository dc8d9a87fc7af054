/**
 * HTTP/1.1 towards origins: an own connection, because what undici 7 and 8 do on one differs from what a gateway needs
 * (raw heads, legal 304 with Content-Length, early answers, strict framing).
 */
export { H1Connection, type H1ConnectionOptions } from './connection.ts'
export { Landing } from './landing.ts'
