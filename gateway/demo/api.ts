/**
 * The JSON endpoints: a cacheable list, the time, the request as it arrived, and any status code.
 */
import { STATUS_CODES } from 'node:http'
import { type Endpoint, type Exchange, readEndpoint, sendBody, sendJson } from './answer.ts'

const ROOMS = ['kitchen', 'hall', 'study', 'cellar', 'garden', 'attic', 'bedroom', 'workshop']
const KINDS = ['lamp', 'thermostat', 'camera', 'speaker', 'blind', 'sensor']

/** Values of these may be secrets of other apps on the same host name; their length is enough to learn from. */
const HIDDEN = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** `/api/json`: some KiB for compression, fresh for 10 s for the cache; `answersMade` counts what the origin made. */
export function jsonEndpoint(): Endpoint {
  let answersMade = 0
  const devices = Array.from({ length: 48 }, (_, i) => describeDevice(i))
  return readEndpoint(exchange => {
    answersMade++
    const body = { demo: true, answersMade, madeAt: new Date().toISOString(), devices }
    sendJson(exchange, 200, body, { 'cache-control': 'max-age=10' })
  })
}

function describeDevice(i: number): object {
  const room = ROOMS[i % ROOMS.length]
  const kind = KINDS[i % KINDS.length]
  return { id: `device-${i + 1}`, name: `${room} ${kind}`, room, kind, online: i % 7 !== 3, battery: (i * 37) % 101 }
}

/** `/api/time`: never stored, different each time. */
export const time: Endpoint = readEndpoint(exchange => {
  const now = new Date()
  sendJson(exchange, 200, { now: now.toISOString(), unixMs: now.getTime() })
})

/** `/headers`: method, target and every field as it arrived, for learning what a gateway sends. */
export const headers: Endpoint = {
  methods: null,
  answer: exchange => {
    const { method, url, httpVersion, rawHeaders } = exchange.req
    const fields: [string, string][] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) fields.push(showField(rawHeaders[i] ?? '', rawHeaders[i + 1]))
    sendJson(exchange, 200, { method, target: url, httpVersion, headers: fields })
  },
}

function showField(name: string, value: string | undefined): [string, string] {
  const shown = value ?? ''
  return [name, HIDDEN.has(name.toLowerCase()) ? `(hidden, ${shown.length} characters)` : shown]
}

/** `/status/404` and so on, from 200 to 599, for every method. */
export const status: Endpoint = {
  methods: null,
  answer: exchange => {
    const code = parseStatus(exchange)
    if (code === null) sendJson(exchange, 400, { error: 'the status must be a number from 200 to 599' })
    else if (code === 204 || code === 304) exchange.res.writeHead(code, { 'cache-control': 'no-store' }).end()
    else if (code === 205) sendBody(exchange, code, { 'cache-control': 'no-store' }, Buffer.alloc(0))
    else sendJson(exchange, code, { status: code, text: STATUS_CODES[code] ?? 'unknown' })
  },
}

function parseStatus({ url }: Exchange): number | null {
  const code = Number(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
  return Number.isInteger(code) && code >= 200 && code <= 599 ? code : null
}
