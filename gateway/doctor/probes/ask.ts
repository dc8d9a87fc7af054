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

export function ask(place: Place, question: Question): Promise<Seen> {
  return new Promise(resolve => {
    const startedMs = performance.now()
    const { timeoutMs = ANSWER_MS, maxBytes = MAX_BODY_BYTES } = question
    const request = open(place, question)
    const end = (seen: Seen) => {
      clearTimeout(timer)
      resolve(seen)
      request.destroy()
    }
    const timer = setTimeout(() => end({ kind: 'none', code: 'TIMEOUT', message: `${timeoutMs} ms` }), timeoutMs)
    request.on('error', error => end(failed(error)))
    request.on('upgrade', response => {
      end(answered(response, [], { headMs: performance.now() - startedMs, atMs: Date.now(), isWhole: true }))
    })
    request.on('response', response => {
      const [headMs, atMs] = [performance.now() - startedMs, Date.now()]
      const parts: Buffer[] = []
      let bytes = 0
      const done = (isWhole: boolean) => end(answered(response, parts, { headMs, atMs, isWhole }))
      clearTimeout(timer)
      // What came until the bound is an answer, though not a whole one.
      const bodyTimer = setTimeout(() => done(false), timeoutMs)
      response.on('close', () => clearTimeout(bodyTimer))
      response.on('error', () => done(false))
      response.on('end', () => done(response.complete))
      response.on('data', (chunk: Buffer) => {
        parts.push(chunk.subarray(0, maxBytes - bytes))
        bytes += chunk.length
        if (bytes >= maxBytes) done(false)
      })
    })
    request.end()
  })
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

interface Progress {
  readonly headMs: number
  readonly atMs: number
  readonly isWhole: boolean
}

function answered(
  { statusCode = 0, rawHeaders }: IncomingMessage,
  parts: readonly Buffer[],
  progress: Progress,
): Answer {
  const fields: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    fields.push([(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string])
  }
  return { kind: 'answer', status: statusCode, fields, body: Buffer.concat(parts), ...progress }
}

function failed(error: NodeJS.ErrnoException): Seen {
  // Several addresses of one name that all failed tell it one by one.
  const [first] = (error as { errors?: NodeJS.ErrnoException[] }).errors ?? []
  return { kind: 'none', code: first?.code ?? error.code ?? 'ERROR', message: first?.message ?? error.message }
}
