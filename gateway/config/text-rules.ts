/**
 * What a text of the configuration may be, by kind: names, hosts, paths, addresses, files. Each rule gives the
 * normalised text or says what to write instead. Pure but for the resolving of relative paths against a folder.
 */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import {
  httpUrl,
  passwordHash,
  pathPattern,
  redactName,
  redirectFrom,
  redirectTo,
  userName,
  webOrigin,
} from './app-rules.ts'
import { cookieName, keyField, queryName, storeAddress } from './cache-rules.ts'
import { mediaType } from './compression-rules.ts'
import { readOrigin } from './origin-rule.ts'
import { quote } from './problem.ts'
import type { TextReading } from './text-reading.ts'
import { acmeDirectory, email, hookWord } from './tls-rules.ts'

/** @param folder absolute folder that relative paths start from */
export type TextRule = (text: string, folder: string) => TextReading

const accept = (value: string): TextReading => ({ ok: true, value })
const refuse = (problem: string): TextReading => ({ ok: false, problem })

const LABELS = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/
const HOST_AND_PORT = /^(.+?):(\d{1,5})$/
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const REDIS_URL = /^rediss?:\/\/[\x21-\x7e]+$/
const REDIS_GROUP_URL = /^rediss?\+(?:sentinel|cluster):/

function name(text: string): TextReading {
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u.test(text)) return accept(text)
  return refuse('expected a name of 1 to 64 letters, digits, spaces, dots, dashes or underscores')
}

function matchHost(text: string): TextReading {
  if (text === '*') return accept(text)
  const lower = text.toLowerCase()
  if (lower.includes('://')) return refuse(`a name without a scheme belongs here: write ${quote(bareHost(lower))}`)
  if (lower.includes('/')) return refuse('a path belongs in "path", beside "host"')
  const wildcard = lower.startsWith('*.')
  const rest = wildcard ? lower.slice(2) : lower
  if (!wildcard && isIP(unbracket(rest)) === 6) return accept(new URL(`http://[${unbracket(rest)}]`).hostname)
  const port = HOST_AND_PORT.exec(rest)
  if (port !== null) return refuse(`ports belong in "listen": write ${quote(`${wildcard ? '*.' : ''}${port[1]}`)}`)
  const ascii = domainToASCII(rest.endsWith('.') ? rest.slice(0, -1) : rest)
  if (rest.includes('*')) return refuse('"*" stands alone or as the first label: "*.home.arpa"')
  if (ascii.length > 253 || !LABELS.test(ascii))
    return refuse('expected a host name: "wiki.home.arpa", "*.home.arpa", "*"')
  return accept(wildcard ? `*.${ascii}` : ascii)
}

/** One name, without `*`. */
function hostName(text: string): TextReading {
  return text.includes('*') ? refuse('one name belongs here, without "*"') : matchHost(text)
}

/** What a certificate can be for. */
function certificateHost(text: string): TextReading {
  return text === '*' ? refuse('"*" is no name for a certificate: write "*.home.arpa"') : matchHost(text)
}

function bareHost(text: string): string {
  return URL.canParse(text) ? new URL(text).hostname : 'wiki.home.arpa'
}

function unbracket(text: string): string {
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
}

/** A path prefix: kept as written but for a slash at the end, which means the same with and without. */
function pathPrefix(text: string): TextReading {
  if (!text.startsWith('/')) return refuse(`a path begins with "/": write ${quote(`/${text}`)}`)
  if (text.includes('?') || text.includes('#')) return refuse('only a path belongs here, without "?" and "#"')
  if (text.includes('*')) return refuse(`a path is a prefix by itself: write ${quote(withoutStar(text))}`)
  if (hasDotSegment(text)) return refuse('"." and ".." cannot be segments of a path')
  if (!/^[\x21-\x7e]+$/.test(text))
    return refuse(`write it as it stands in a request: ${quote(encodeURI(text.toWellFormed()))}`)
  return accept(withoutSlash(text))
}

function withoutStar(text: string): string {
  return withoutSlash(text.slice(0, text.indexOf('*')))
}

function withoutSlash(text: string): string {
  return text.length > 1 && text.endsWith('/') ? withoutSlash(text.slice(0, -1)) : text
}

function hasDotSegment(path: string): boolean {
  return path.split('/').some(segment => ['.', '..'].includes(segment.replaceAll(/%2e/gi, '.')))
}

function requestPath(text: string): TextReading {
  if (/^\/[\x21-\x7e]*$/.test(text) && !text.includes('#')) return accept(text)
  return refuse('expected a path that begins with "/", such as "/healthz"')
}

function network(text: string): TextReading {
  const [address = '', prefix, ...more] = text.split('/')
  const version = address.includes('%') ? 0 : isIP(address)
  const bits = version === 6 ? 128 : 32
  if (version === 0 || more.length > 0)
    return refuse('expected an address or a CIDR: 192.168.1.2, 10.0.0.0/8, fd00::/8')
  if (prefix === undefined) return accept(text.toLowerCase())
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits)
    return refuse(`the part after "/" is a number from 0 to ${bits}`)
  return accept(`${address.toLowerCase()}/${Number(prefix)}`)
}

function bindHost(text: string): TextReading {
  const host = unbracket(text.toLowerCase())
  if (host === '*') return refuse('write 0.0.0.0 for every IPv4 address, or "::" for IPv6 as well')
  if (isIP(host) !== 0 || LABELS.test(host)) return accept(host)
  if (HOST_AND_PORT.test(host)) return refuse('the port has a key of its own: { host: …, port: … }')
  return refuse('expected an address or a name to listen on: 127.0.0.1, 0.0.0.0, "::", localhost')
}

function fieldName(text: string): TextReading {
  const lower = text.toLowerCase()
  if (!TOKEN.test(text)) return refuse(`${quote(text)} is no name of a header field`)
  if (lower === 'host') return refuse('the Host of a request is set by "headers.host": preserve, upstream or a text')
  if (CONNECTION_FIELDS.has(lower)) return refuse(`${quote(text)} belongs to the connection and cannot be changed`)
  return accept(text)
}

const CONNECTION_FIELDS = new Set(
  'connection content-length keep-alive proxy-connection te trailer transfer-encoding upgrade'.split(' '),
)

function fieldValue(text: string): TextReading {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return accept(text.trim())
  return refuse('a header field holds one line of Latin-1 characters')
}

function hostRule(text: string): TextReading {
  if (text === 'preserve' || text === 'upstream') return accept(text)
  if (/^[A-Za-z0-9._-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/.test(text)) return accept(text)
  return refuse('expected preserve, upstream or a host name')
}

function pin(text: string): TextReading {
  const hex = text
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(':', '')
  return /^[0-9a-f]{64}$/.test(hex) ? accept(hex) : refuse('expected the SHA-256 of a certificate: 64 hex digits')
}

function secret(text: string): TextReading {
  return /^[\x21-\x7e]+$/.test(text) ? accept(text) : refuse('expected printable ASCII without spaces')
}

/** The lists are written to one server: the client of the sink knows neither Sentinels nor a Cluster. */
function redisUrl(text: string): TextReading {
  if (REDIS_GROUP_URL.test(text))
    return refuse('the lists need one server, without Sentinel or Cluster: redis://host:6379/6')
  return REDIS_URL.test(text) ? accept(text) : refuse('expected redis://host:6379/6')
}

function path(text: string, folder: string): TextReading {
  if (text === '' || text.includes('\0')) return refuse('expected a path')
  return accept(resolve(folder, text))
}

/** Every rule by the name that a schema gives (`kinds.ts`). */
export const textRules = {
  name,
  matchHost,
  hostName,
  pathPrefix,
  requestPath,
  network,
  bindHost,
  fieldName,
  fieldValue,
  hostRule,
  pin,
  secret,
  store: storeAddress,
  keyField,
  cookieName,
  queryName,
  mediaType,
  pathPattern,
  redactName,
  redirectFrom,
  redirectTo,
  passwordHash,
  userName,
  httpUrl,
  webOrigin,
  redisUrl,
  certificateHost,
  acmeDirectory,
  email,
  hookWord,
  file: path,
  folder: path,
  origin: readOrigin,
} as const satisfies Readonly<Record<string, TextRule>>

export type TextRuleName = keyof typeof textRules
