/** The client of the cache cases: one connection a request, every field as it is given, no cache, ten seconds. */
import http from 'node:http'
import { pairsOf } from './http-fields.ts'
import type { Field } from './types.ts'

const REQUEST_LIMIT_MS = 10_000

export interface Sent {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly fields: readonly Field[]
  readonly body?: string
}

export interface Received {
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string
  readonly interim: readonly { readonly status: number; readonly fields: readonly Field[] }[]
}

/** No complete answer: `AbortError` = not in ten seconds, `ClientError` = the connection broke or the answer is no HTTP. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
  readonly type: 'AbortError' | 'ClientError'

  constructor(type: 'AbortError' | 'ClientError', message: string) {
    super(message)
    this.type = type
  }
}

/** Sends one request to a port of loopback. Throws `NoAnswer`. */
export async function send(port: number, sent: Sent): Promise<Received> {
  const { method, target: path, fields, body = '' } = sent
  const length: Field[] = body === '' ? [] : [['Content-Length', String(Buffer.byteLength(body))]]
  const headers = [['Host', `127.0.0.1:${port}`], ...fields, ...length].flat()
  const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false })
  const late = new NoAnswer('AbortError', `no answer in ${REQUEST_LIMIT_MS} ms`)
  const timer = setTimeout(() => request.destroy(late), REQUEST_LIMIT_MS)
  try {
    return await answerTo(request, body)
  } catch (error) {
    if (error === late || request.errored === late) throw late
    const { code, message } = error as NodeJS.ErrnoException
    throw new NoAnswer('ClientError', `${code ?? 'Error'}: ${message}`)
  } finally {
    clearTimeout(timer)
    request.destroy()
  }
}

async function answerTo(request: http.ClientRequest, body: string): Promise<Received> {
  const interim: { status: number; fields: Field[] }[] = []
  request.on('information', info => interim.push({ status: info.statusCode, fields: pairsOf(info.rawHeaders) }))
  const head = await new Promise<http.IncomingMessage>((resolve, reject) => {
    // Stays for the whole exchange: a break in the middle of the body reaches the request as well.
    request.on('error', reject)
    request.once('response', resolve)
    request.end(body)
  })
  const chunks: Buffer[] = []
  for await (const chunk of head) chunks.push(chunk)
  return {
    status: head.statusCode ?? 0,
    fields: pairsOf(head.rawHeaders),
    body: Buffer.concat(chunks).toString(),
    interim,
  }
}
