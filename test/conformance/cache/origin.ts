/**
 * The origin of the cache cases: it is told by PUT /config/UUID how to answer /test/UUID, and says by GET /state/UUID
 * what it saw. `cases.json` describes it under `about.how_to_run`.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { fieldValue, writtenValue } from './http-fields.ts'
import type { Exchange, Field, Interim, Seen } from './types.ts'

interface Run {
  readonly exchanges: readonly Exchange[]
  readonly seen: Seen[]
  /** Fields of the answers as they were sent, by number of the request. */
  readonly sent: Map<number, readonly Field[]>
}

export interface CasesOrigin {
  readonly port: number
  close(): Promise<void>
}

export async function openOrigin(): Promise<CasesOrigin> {
  const runs = new Map<string, Run>()
  const server = http.createServer((request, response) => {
    request.on('error', () => {})
    response.on('error', () => {})
    answer(runs, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(runs: Map<string, Run>, request: http.IncomingMessage, response: http.ServerResponse): void {
  const [, part, id] = (request.url ?? '').split(/[/?]/)
  const run = runs.get(id ?? '')
  if (part === 'config' && request.method === 'PUT' && id !== undefined) return takeConfig(runs, id, request, response)
  request.resume()
  if (part === 'state' && run !== undefined && run.seen.length > 0) {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(run.seen))
  } else if (part === 'test' && id !== undefined && run !== undefined) {
    answerTest(id, run, request, response)
  } else response.writeHead(404).end()
}

function takeConfig(
  runs: Map<string, Run>,
  id: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    try {
      runs.set(id, { exchanges: JSON.parse(Buffer.concat(chunks).toString()), seen: [], sent: new Map() })
      response.writeHead(201).end()
    } catch {
      response.writeHead(400).end()
    }
  })
}

function answerTest(id: string, run: Run, request: http.IncomingMessage, response: http.ServerResponse): void {
  const number = Number(request.headers['req-num'])
  const exchange = run.exchanges[number - 1]
  if (exchange === undefined) {
    response.writeHead(409).end(`no request ${request.headers['req-num']}`)
    return
  }
  const nowMs = Date.now()
  const fields = writtenFields(exchange, request, nowMs)
  run.sent.set(number, fields)
  run.seen.push({
    request_num: number,
    request_method: request.method ?? '',
    request_headers: request.headers,
    response_headers: comparedFields(exchange, fields),
  })
  if (exchange.disconnect === true) {
    request.socket.destroy()
    return
  }
  for (const interim of exchange.interim_responses ?? []) request.socket.write(interimBytes(interim))
  const [status, reason] = statusOf(run, number, exchange, request)
  const head = [...fields, ...ownFields(run, number, request, nowMs)]
  if (fieldValue(fields, 'content-type') === null) head.push(['Content-Type', 'text/plain'])
  response.writeHead(status, reason, head.flat())
  response.end(status === 204 || status === 304 ? undefined : (exchange.response_body ?? id))
}

/** The fields of the definition in its order, with dates and places filled in. */
function writtenFields(exchange: Exchange, request: http.IncomingMessage, nowMs: number): Field[] {
  const path = request.url ?? ''
  return (exchange.response_headers ?? []).map(([name, value]) => {
    const isPlace = exchange.magic_locations === true && /^(content-)?location$/i.test(name)
    if (isPlace) return [name, value === '' ? path : `${path}/${value}`]
    return [name, writtenValue(name, value, nowMs)]
  })
}

/** What the client has to receive unchanged. */
function comparedFields(exchange: Exchange, fields: readonly Field[]): Field[] {
  const compared = fields.filter(
    ([name], at) => exchange.response_headers?.[at]?.[2] !== false && name.toLowerCase() !== 'date',
  )
  const names = new Set(compared.map(([name]) => name.toLowerCase()))
  return [...names].map(name => [name, fieldValue(compared, name) ?? ''])
}

/** A validated exchange is answered with 304 to the right condition, and with 999 otherwise. */
function statusOf(
  run: Run,
  number: number,
  exchange: Exchange,
  request: http.IncomingMessage,
): readonly [code: number, reason: string] {
  if (!exchange.expected_type?.endsWith('_validated')) return exchange.response_status ?? [200, 'OK']
  const previous = run.sent.get(number - 1) ?? []
  const date = fieldValue(previous, 'last-modified')
  const tag = fieldValue(previous, 'etag')
  const isMatch =
    (date !== null && request.headers['if-modified-since'] === date) ||
    (tag !== null && request.headers['if-none-match'] === tag)
  return isMatch ? [304, 'Not Modified'] : [999, '304 Not Generated']
}

function ownFields(run: Run, number: number, request: http.IncomingMessage, nowMs: number): Field[] {
  return [
    ['Server-Base-Url', request.url ?? ''],
    ['Server-Request-Count', String(run.seen.length)],
    ['Client-Request-Count', String(number)],
    ['Server-Now', String(nowMs)],
    ['Request-Numbers', run.seen.map(({ request_num }) => request_num).join(' ')],
  ]
}

function interimBytes([status, fields = []]: Interim): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? 'Interim'}\r\n${lines.join('')}\r\n`
}
