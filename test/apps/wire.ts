// A plain client for one door of an app: HTTP/1.1 on a plain listener, HTTP/2 on a TLS one. It connects to loopback
// and names the app in Host / :authority, because Node's resolver may not know *.localhost.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'

const LIMIT_MS = 30_000

/** One way to reach an app: without a gateway, over plain HTTP, or over TLS. `certificate` is there on TLS only. */
export interface Door {
  readonly name: 'direct' | 'http' | 'https'
  readonly title: string
  readonly origin: string
  readonly certificate?: string
}

export interface Message {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

export interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** `body` is decoded when the answer carries a Content-Encoding. */
export interface Answer extends Head {
  readonly body: Buffer
}

/** An answer whose body is still coming; `close` gives up the exchange and its connection. */
export interface OpenAnswer extends Head {
  readonly stream: Readable
  close(): void
}

/** Sends a message and resolves with its head; rejects when the connection fails or nothing comes for 30 s. */
export function open(door: Door, message: Message): Promise<OpenAnswer> {
  return door.certificate === undefined ? openH1(door, message) : openH2(door, message, door.certificate)
}

/** Sends a message and reads the whole answer. */
export async function send(door: Door, message: Message): Promise<Answer> {
  const answer = await open(door, message)
  try {
    const chunks: Buffer[] = []
    for await (const chunk of answer.stream) chunks.push(chunk as Buffer)
    const body = decode(Buffer.concat(chunks), String(answer.headers['content-encoding'] ?? 'identity'))
    return { status: answer.status, headers: answer.headers, body }
  } finally {
    answer.close()
  }
}

/** Sends a value as JSON and reads the whole answer. */
export async function sendJson(
  door: Door,
  method: string,
  path: string,
  { value, headers }: { value: unknown; headers?: Readonly<Record<string, string>> },
): Promise<Answer> {
  const json = { 'content-type': 'application/json', accept: 'application/json', ...headers }
  return send(door, { method, path, headers: json, body: JSON.stringify(value) })
}

/** The status that a handshake of WebSocket gets, over HTTP/1.1 at every door; one that is opened is left at once. */
export function handshake(door: Door, path: string, fields: Readonly<Record<string, string>>): Promise<number> {
  const { host, hostname, port } = new URL(door.origin)
  const wanted = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
  const headers = { host, ...wanted, 'sec-websocket-key': randomBytes(16).toString('base64'), ...fields }
  const asked = { host: '127.0.0.1', port, path, headers, agent: false, timeout: LIMIT_MS }
  const { certificate: ca } = door
  return new Promise((resolve, reject) => {
    const request = ca === undefined ? http.request(asked) : https.request({ ...asked, servername: hostname, ca })
    const finish = ({ statusCode = 0 }: http.IncomingMessage) => {
      request.destroy()
      resolve(statusCode)
    }
    request.once('response', finish).once('upgrade', finish)
    request.on('error', reject).once('timeout', () => request.destroy(new Error(`no bytes for ${LIMIT_MS} ms`)))
    request.end()
  })
}

function openH1(door: Door, message: Message): Promise<OpenAnswer> {
  const { host, port } = new URL(door.origin)
  const length = message.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(message.body)) }
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      agent: false,
      method: message.method ?? 'GET',
      path: message.path,
      headers: { host, ...length, ...message.headers },
    })
    request.setTimeout(LIMIT_MS, () => request.destroy(new Error(`no bytes for ${LIMIT_MS} ms`)))
    request.once('error', reject)
    request.once('response', response => {
      const close = () => request.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, stream: response, close })
    })
    request.end(message.body)
  })
}

function openH2(door: Door, message: Message, certificate: string): Promise<OpenAnswer> {
  const { hostname, port } = new URL(door.origin)
  const address = { host: '127.0.0.1', servername: hostname, ca: certificate }
  // As browsers do, for apps that read no chunked bodies.
  const length = message.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(message.body)) }
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://${hostname}:${port}`, address)
    session.once('error', reject)
    const stream = session.request(
      { ':method': message.method ?? 'GET', ':path': message.path, ...length, ...message.headers },
      { endStream: message.body === undefined },
    )
    const close = () => session.destroy()
    stream.setTimeout(LIMIT_MS, () => stream.destroy(new Error(`no bytes for ${LIMIT_MS} ms`)))
    stream.once('error', error => {
      close()
      reject(error)
    })
    stream.once('response', headers => resolve({ status: headers[':status'] ?? 0, headers, stream, close }))
    if (message.body !== undefined) stream.end(message.body)
  })
}

function decode(body: Buffer, encoding: string): Buffer {
  if (body.length === 0) return body
  if (encoding === 'gzip') return zlib.gunzipSync(body)
  if (encoding === 'br') return zlib.brotliDecompressSync(body)
  if (encoding === 'zstd') return zlib.zstdDecompressSync(body)
  if (encoding === 'deflate') return zlib.inflateSync(body)
  return body
}
