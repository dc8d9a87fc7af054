/**
 * Reads an origin's URL once: how to reach it and what it calls itself. Nothing after this parses a URL again, so a
 * request can never name another server (security: one fixed address an origin).
 */
import { isIP } from 'node:net'

export interface OriginAddress {
  /** The URL as configured; the origin's name in signals and logs. */
  readonly url: string
  readonly protocol: 'http' | 'https' | 'h2c'
  /** Unix socket path, or null. */
  readonly socketPath: string | null
  /** Name or address without brackets; `localhost` for a Unix socket. */
  readonly host: string
  readonly port: number
  /** What the Host header reads when the origin's own name is asked for. */
  readonly authority: string
  /** True when `host` has to be resolved. */
  readonly isName: boolean
}

/** @throws TypeError for anything but http, https, h2c and unix URLs without path, query and credentials. */
export function parseOrigin(url: string): OriginAddress {
  if (url.startsWith('unix:')) return unixOrigin(url)
  const parsed = new URL(url.startsWith('h2c:') ? `http:${url.slice(4)}` : url)
  const protocol = url.startsWith('h2c:') ? 'h2c' : parsed.protocol.slice(0, -1)
  if (protocol !== 'http' && protocol !== 'https' && protocol !== 'h2c') {
    throw new TypeError(`origin ${url}: the scheme must be http, https, h2c or unix`)
  }
  if (parsed.username || parsed.password || parsed.pathname !== '/' || parsed.search || parsed.hash) {
    throw new TypeError(`origin ${url}: only scheme, host and port belong here`)
  }
  const host = parsed.hostname.startsWith('[') ? parsed.hostname.slice(1, -1) : parsed.hostname
  const port = parsed.port === '' ? (protocol === 'https' ? 443 : 80) : Number(parsed.port)
  return { url, protocol, socketPath: null, host, port, authority: parsed.host, isName: isIP(host) === 0 }
}

function unixOrigin(url: string): OriginAddress {
  const socketPath = url.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (!socketPath.startsWith('/')) throw new TypeError(`origin ${url}: write unix:/path/of/the.sock`)
  return { url, protocol: 'http', socketPath, host: 'localhost', port: 0, authority: 'localhost', isName: false }
}
