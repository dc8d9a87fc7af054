/** What the tests of encoded answers share: origins with bodies of any kind, and clients that decode. */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'

export interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The framing was complete. */
  readonly isWhole: boolean
}

export function fetchRaw(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body?: string,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { host: 'a', ...headers },
      agent: false,
    })
    asking.on('error', reject)
    asking.on('response', answer => {
      const chunks: Buffer[] = []
      answer.on('data', chunk => chunks.push(chunk))
      answer.on('error', () => {})
      answer.on('close', () => {
        const { statusCode: status = 0, complete } = answer
        resolve({ status, headers: answer.headers, body: Buffer.concat(chunks), isWhole: complete })
      })
    })
    asking.end(body)
  })
}

/** Over HTTP/2 without TLS verification. */
export function fetchH2(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const session = connect(url, { rejectUnauthorized: false })
    session.on('error', reject)
    const stream = session.request({ ':path': path, ':method': method, ...headers })
    const chunks: Buffer[] = []
    let head: Record<string, string | string[] | undefined> = {}
    stream.on('response', got => {
      head = got as typeof head
    })
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () => {
      session.close()
      const isWhole = stream.rstCode === 0
      resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(chunks), isWhole })
    })
    stream.end()
  })
}

/** The bytes behind the label. @throws when the label is not true. */
export function decoded({ headers, body }: Pick<Got, 'headers' | 'body'>): Buffer {
  switch (headers['content-encoding']) {
    case undefined:
      return body
    case 'gzip':
      return gunzipSync(body)
    case 'br':
      return brotliDecompressSync(body)
    case 'zstd':
      return zstdDecompressSync(body)
    default:
      throw new Error(`no such coding: ${headers['content-encoding']}`)
  }
}

const texts = new Map<string, Buffer>()

/** Text that shrinks, the same for the same length. */
export function textOf(length: number, seed = 1): Buffer {
  const name = `${length} ${seed}`
  const text = texts.get(name) ?? makeText(length, seed)
  texts.set(name, text)
  return text
}

function makeText(length: number, seed: number): Buffer {
  let state = seed
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    text += `<p class="line">${state % 9_973} the quick brown fox ${(state >>> 8).toString(36)}</p>\n`
  }
  return Buffer.from(text.slice(0, length))
}
