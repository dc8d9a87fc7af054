/**
 * One request of the doctor's and what became of it: marked, safe, without credentials, on a connection of its own, bounded
 * in time and in bytes. Nothing it meets makes it throw.
 */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { ownVersion } from '../../cli/version.ts'
import type { Answer, Fields, Seen } from '../seen.ts'

/** Longest wait for an answer. */
export const ANSWER_MS = 10_000
/** As much of a body as pages and their scripts need. */
export const MAX_BODY_BYTES = 4_194_304

/** How every request of the doctor's is known in the logs of apps. */
export const MARK = `hearthgate-doctor/${ownVersion()}`

/** Methods that change nothing by their definition (RFC 9110 §9.2.1, RFC 4918 §9.1). */
export type SafeMethod = 'GET' | 'HEAD' | 'OPTIONS' | 'PROPFIND'

/** Where a connection goes. */
export interface Place {
  readonly secure: boolean
  /** Address or name without brackets, and port; or the path of a Unix socket. */
  readonly to: { readonly host: string; readonly port: number } | { readonly socketPath: string }
  /** For SNI; null = none. Certificates are judged by a check of their own, so that this one sees the app behind them. */
  readonly serverName: string | null
}

export interface Question {
  readonly method?: SafeMethod
  /** Path and query. */
  readonly target: string
  readonly host: string
  readonly fields?: Fields
  readonly maxBytes?: number
  readonly timeoutMs?: number
}

export async function ask(place: Place, question: Question): Promise<Seen> {
  const { timeoutMs = ANSWER_MS, maxBytes = MAX_BODY_BYTES } = question
  const startedMs = performance.now()
  try {
    const request = open(place, question)
    try {
      const response = await headOf(request, timeoutMs)
      const progress = { headMs: performance.now() - startedMs, atMs: Date.now() }
      return answered(response, { ...progress, ...(await readBody(response, { timeoutMs, maxBytes })) })
    } finally {
      request.destroy()
    }
  } catch (error) {
    return failed(error as NodeJS.ErrnoException)
  }
}

/** @throws what the connection or the parser says, or TIMEOUT */
async function headOf(request: ClientRequest, timeoutMs: number): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const late = () => reject(Object.assign(new Error(`no answer in ${timeoutMs} ms`), { code: 'TIMEOUT' }))
  const timer = setTimeout(late, timeoutMs)
  // The listener stays: what a torn connection says afterwards is of no interest, and must not end the process.
  request.on('error', reject).on('response', resolve)
  // Nobody asked for an upgrade; its head is all there is of it.
  request.on('upgrade', (response, socket) => {
    socket.destroy()
    resolve(response)
  })
  request.end()
  return await promise.finally(() => clearTimeout(timer))
}

type Body = Pick<Answer, 'body' | 'isWhole'>

/** What came until the bound is an answer, though not a whole one. */
async function readBody(response: IncomingMessage, bounds: { timeoutMs: number; maxBytes: number }): Promise<Body> {
  const parts: Buffer[] = []
  let bytes = 0
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), bounds.timeoutMs)
  response.on('error', () => resolve(false))
  response.on('close', () => resolve(response.complete))
  response.on('data', (chunk: Buffer) => {
    parts.push(chunk.subarray(0, bounds.maxBytes - bytes))
    bytes += chunk.length
    if (bytes >= bounds.maxBytes) resolve(false)
  })
  const isWhole = await promise.finally(() => clearTimeout(timer))
  return { body: Buffer.concat(parts), isWhole }
}

/** Node would announce a body in chunks where none is to come. */
const EMPTY = ['Content-Length', '0'] as const

function open(place: Place, { method = 'GET', target, host, fields = [] }: Question): ClientRequest {
  const options: RequestOptions & { servername?: string; rejectUnauthorized: boolean } = {
    ...place.to,
    method,
    path: target,
    headers: [
      'Host',
      host,
      'User-Agent',
      MARK,
      'Accept',
      '*/*',
      ...(method === 'PROPFIND' ? EMPTY : []),
      ...fields.flat(),
    ],
    agent: false,
    rejectUnauthorized: false,
    ...(place.serverName === null ? {} : { servername: place.serverName }),
  }
  return (place.secure ? https : http).request(options)
}

function answered(
  { statusCode = 0, rawHeaders }: IncomingMessage,
  rest: Omit<Answer, 'kind' | 'status' | 'fields'>,
): Answer {
  const fields: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    fields.push([(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string])
  }
  return { kind: 'answer', status: statusCode, fields, ...rest }
}

function failed(error: NodeJS.ErrnoException): Seen {
  // Several addresses of one name that all failed tell it one by one.
  const [first] = (error as { errors?: NodeJS.ErrnoException[] }).errors ?? []
  return { kind: 'none', code: first?.code ?? error.code ?? 'ERROR', message: first?.message ?? error.message }
}
