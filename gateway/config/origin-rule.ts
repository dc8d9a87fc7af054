/**
 * Reads the address of an origin: `http://`, `https://`, `h2c://`, `unix:PATH` or `builtin:demo`, without path, query
 * and credentials, so that a request can never be sent anywhere else.
 */
import { resolve } from 'node:path'
import { quote } from './problem.ts'
import type { TextReading } from './text-reading.ts'

const SCHEMES = ['http', 'https', 'h2c']

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
  if (!SCHEMES.includes(scheme)) return refuse(`unknown scheme ${quote(scheme)}, expected http, https, h2c or unix`)
  return readUrl(scheme, text.slice(scheme.length + 3))
}

function withoutScheme(text: string): string {
  const address = /^[A-Za-z0-9._-]+:\d{1,5}$/.test(text) ? text : '127.0.0.1:3000'
  return `expected a URL: write ${quote(`http://${address}`)}`
}

function readUrl(scheme: string, rest: string): TextReading {
  const base = `${scheme === 'h2c' ? 'http' : scheme}://${rest}`
  if (!/^[\x21-\x7e]+$/.test(rest) || rest.includes('\\') || !URL.canParse(base)) {
    return refuse('is no URL: write "http://127.0.0.1:3000"')
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
  return { ok: true, value: `unix:${resolve(folder, path)}` }
}
