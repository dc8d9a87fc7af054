/**
 * What Allow says of an address of this gateway: CONNECT and TRACE are refused, and what else an app takes (WebDAV, CalDAV) only
 * the app knows.
 */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
