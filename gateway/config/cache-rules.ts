/**
 * What a text about the cache may be: where answers are kept, and the names that make up a key.
 */
import { resolve } from 'node:path'
import { readRedisAddress } from '../../plugins/cache/stores/index.ts'
import { quote } from './problem.ts'
import type { TextReading } from './text-reading.ts'

const accept = (value: string): TextReading => ({ ok: true, value })
const refuse = (problem: string): TextReading => ({ ok: false, problem })

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FORMS = [
  'memory',
  'disk:FOLDER',
  'redis://[user:password@]host:6379/6',
  'redis+sentinel://host:26379,host2/NAME/6',
  'redis+cluster://host:6379,host2',
].join(', ')

/**
 * Never repeats the text, which may hold a password.
 * @param folder absolute folder that a relative `disk:` starts from
 */
export function storeAddress(text: string, folder: string): TextReading {
  if (text === 'memory') return accept(text)
  if (text.startsWith('disk:') && text.length > 'disk:'.length && !text.includes('\0'))
    return accept(`disk:${resolve(folder, text.slice('disk:'.length))}`)
  if (/^[\x21-\x7e]+$/.test(text) && readRedisAddress(text) !== null) return accept(text)
  return refuse(`expected one of ${FORMS} (rediss in place of redis for TLS)`)
}

/** A request field as a part of the key; lower case, as fields compare. */
export function keyField(text: string): TextReading {
  const lower = text.toLowerCase()
  if (!TOKEN.test(text)) return refuse(`${quote(text)} is no name of a header field`)
  if (lower === 'host') return refuse('the host is a part of the key by "key.host"')
  if (lower === 'cookie') return refuse('cookies have names: write them under "key.cookies"')
  if (ownOfRequest.has(lower)) return refuse(`${quote(text)} cannot be a part of the key: it is about one request only`)
  return accept(lower)
}

/** Fields of the connection, of conditions and of ranges: the cache answers them itself. */
const ownOfRequest = new Set([
  ...[
    'connection',
    'content-length',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range', 'cache-control'],
])

/** Names of cookies compare with case (RFC 6265 §5.3). */
export function cookieName(text: string): TextReading {
  return TOKEN.test(text) ? accept(text) : refuse('expected the name of a cookie')
}

/** As it is spelled in an address, escapes too; a `*` at the end stands for any rest. */
export function queryName(text: string): TextReading {
  if (text === '*') return refuse('for the whole query write "ignore_query: all"')
  if (/^[^*]*\*.+$/.test(text)) return refuse('"*" stands at the end of a name: "utm_*"')
  if (/^[\x21-\x7e]+$/.test(text) && !/[&=#]/.test(text)) return accept(text)
  return refuse('expected the name of a parameter as it stands in an address, without "=" and "&"')
}
