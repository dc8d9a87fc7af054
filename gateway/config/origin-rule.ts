/**
 * Reads the address of an origin: `http://`, `https://`, `h2c://`, `unix:PATH` or `builtin:demo`, without path, query
 * and credentials, so that a request can never be sent anywhere else.
 */
import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { quote } from './problem.ts'
import type { TextReading } from './text-reading.ts'

const SCHEMES = ['http', 'https', 'h2c']
/** Bytes of the path of a socket that a kernel takes; one more is its end (unix(7)). */
const MOST_SOCKET_PATH = 107

const refuse = (problem: string): TextReading => ({ ok: false, problem })

/** The address in its shortest form; a relative socket path is resolved against `folder`. */
export function readOrigin(text: string, folder: string): TextReading {
  if (text === 'builtin:demo') return { ok: true, value: text }
  if (text.startsWith('builtin:')) return refuse('the only built-in origin is builtin:demo')
  if (text.startsWith('unix:')) return readSocket(text, folder)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'ws' || scheme === 'wss') {
    return refuse(`WebSockets need no scheme of their own: write ${scheme === 'ws' ? 'http' : 'https'}://`)
  }
  if (scheme === undefined) return refuse(withoutScheme(text))
  if (scheme === 'http+unix' || scheme === 'unix+http') {
    return refuse(`write unix:/path/of/the.sock, found the scheme ${quote(scheme)}`)
  }
  if (!SCHEMES.includes(scheme)) return refuse(`unknown scheme ${quote(scheme)}, expected http, https, h2c or unix`)
  return readUrl(scheme, text.slice(scheme.length + 3))
}

function withoutScheme(text: string): string {
  if (/^\.{0,2}\//.test(text)) return `a socket has a scheme too: write ${quote(`unix:${text}`)}`
  const bare = bareIPv6(text)
  const isAddress = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(text)
  const isName = /^(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+$/.test(text)
  const address = bare ?? (isAddress ? text : isName ? `${text}:3000` : '127.0.0.1:3000')
  return `expected a URL: write ${quote(`http://${address}`)}`
}

/** An IPv6 address that stands without brackets, with them; null where it is none. What may be a port is taken for one. */
function bareIPv6(text: string): string | null {
  const [, address = '', port = ''] = /^(.*[0-9a-f:]):(\d{1,5})$/i.exec(text) ?? []
  if (isIPv6(address) && (port.length > 1 || !isIPv6(text))) return `[${address}]:${port}`
  return isIPv6(text) ? `[${text}]` : null
}

/** Why it is no URL, and what may have been meant. */
function noUrl(scheme: string, rest: string): string {
  const bare = bareIPv6(rest.replace(/\/$/, ''))
  if (bare !== null) return `an IPv6 address stands in brackets: write ${quote(`${scheme}://${bare}`)}`
  if (/^\[[0-9a-f:.]+%/i.test(rest))
    return 'an IPv6 address with a zone cannot be used: write another one of that machine'
  const port = Number(/^[^/?#@]*:(\d+)$/.exec(rest)?.[1] ?? 0)
  if (port > 65_535) return `port ${port} is above 65535`
  return 'is no URL: write "http://127.0.0.1:3000"'
}

function readUrl(scheme: string, rest: string): TextReading {
  // As nginx writes it, and some clients of Docker do.
  const socket = /^unix:(\/[^:]*)/.exec(rest)?.[1]
  if (socket !== undefined) return refuse(`a socket is no host: write ${quote(`unix:${socket}`)}`)
  const base = `${scheme === 'h2c' ? 'http' : scheme}://${rest}`
  if (!/^[\x21-\x7e]+$/.test(rest) || rest.includes('\\') || !URL.canParse(base)) {
    return refuse(noUrl(scheme, rest))
  }
  const url = new URL(base)
  const origin = `${scheme}://${url.host}`
  if (url.username !== '' || url.password !== '') {
    return refuse(`credentials do not belong in an upstream: write ${quote(origin)} and set the header under "headers"`)
  }
  if (url.search !== '' || url.hash !== '' || rest.includes('?') || rest.includes('#')) {
    return refuse(`only scheme, host and port belong here: write ${quote(origin)}`)
  }
  if (url.pathname !== '/') {
    return refuse(`no path belongs here: write ${quote(origin)} and "rewrite_path: ${url.pathname.slice(0, 40)}"`)
  }
  return url.port === '0' ? refuse('port 0 cannot be connected to') : { ok: true, value: origin }
}

function readSocket(text: string, folder: string): TextReading {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.startsWith('//') || path.includes('\0')) return refuse('write unix:/path/of/the.sock')
  const full = resolve(folder, path)
  const bytes = Buffer.byteLength(full)
  if (bytes > MOST_SOCKET_PATH) {
    return refuse(`the path of the socket has ${bytes} bytes, of which a system takes ${MOST_SOCKET_PATH}`)
  }
  return { ok: true, value: `unix:${full}` }
}
