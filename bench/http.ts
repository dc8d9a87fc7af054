/** HTTP/1.1 of the bench itself: free ports, waiting for a server, one request for a byte-for-byte check. */
import { type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Child } from './processes.ts'

const START_MS = 15_000
const REQUEST_MS = 10_000

export interface Ask {
  readonly url: string
  readonly method?: string
  readonly body?: Buffer | null
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly body: Buffer
}

/** The content of an answer without its coding. Throws for one that is not known. */
export function decodedBody({ body, contentEncoding = 'identity' }: Answer): Buffer {
  const decode = decoders[contentEncoding]
  if (decode === undefined) throw new Error(`failed the check: the coding is ${contentEncoding}`)
  return decode(body)
}

const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  identity: body => body,
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
}

/** A port on loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** One request on its own connection, its whole answer. Rejects on errors, truncation and after 10 s. */
export function fetchBody({ url, method = 'GET', body = null, headers: own = {} }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ofBody = body === null ? {} : { 'content-type': 'application/octet-stream', 'content-length': body.length }
    const headers = { ...own, ...ofBody }
    const options = { method, headers, agent: false, signal: AbortSignal.timeout(REQUEST_MS) } as const
    const onAnswer = (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
      response.once('end', () => {
        const { 'content-type': contentType, 'content-encoding': contentEncoding } = response.headers
        resolve({ status: response.statusCode ?? 0, contentType, contentEncoding, body: Buffer.concat(chunks) })
      })
    }
    // The certificates of the bench are its own.
    const call = url.startsWith('https:')
      ? secureRequest(url, { ...options, rejectUnauthorized: false }, onAnswer)
      : request(url, options, onAnswer)
    call.once('error', reject).end(body)
  })
}

/** Asks until the answer is 200. Throws with the process's own words where it ends or 15 s pass. */
export async function waitUntilServing(child: Child, url: string): Promise<void> {
  const deadline = Date.now() + START_MS
  let last = 'no answer'
  while (Date.now() < deadline && !child.hasEnded()) {
    try {
      const { status } = await fetchBody({ url })
      if (status === 200) return
      last = `status ${status}`
    } catch (error) {
      last = String(error)
    }
    await delay(50)
  }
  const how = child.hasEnded() ? `ended with ${await child.ended}` : `did not serve within ${START_MS} ms (${last})`
  throw new Error(`${child.name} ${how}: ${child.stderr().trim().slice(-500)}`)
}

/** Waits for a process that listens, without asking it anything. Throws as `waitUntilServing`. */
export async function waitUntilListening(child: Child, port: number): Promise<void> {
  const deadline = Date.now() + START_MS
  while (!(await isListening(port))) {
    if (child.hasEnded() || Date.now() > deadline)
      throw new Error(`${child.name} did not listen within ${START_MS} ms: ${child.stderr().trim().slice(-500)}`)
    await delay(50)
  }
}

function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
