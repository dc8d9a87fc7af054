/**
 * Bodies of requests in every coding, an origin that reads them, and a client that sends them.
 */
import zlib from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { contractOf } from '../../../plugins/contract/index.ts'
import { exchange, type RawAnswer } from '../../support/raw-client.ts'
import { answer, type RawRequest, rawOrigin } from '../../support/raw-origin.ts'
import type { compressingApp } from './support.ts'

export type Wishes = Parameters<typeof compressingApp>[2]
export type Teardown = Parameters<typeof compressingApp>[0]

export const encoders = {
  gzip: (body: Buffer | string) => zlib.gzipSync(body),
  br: (body: Buffer | string) =>
    zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }),
  zstd: (body: Buffer | string) => zlib.zstdCompressSync(body),
}
export const decoders = {
  gzip: (body: Buffer) => zlib.gunzipSync(body),
  br: (body: Buffer) => zlib.brotliDecompressSync(body),
  zstd: (body: Buffer) => zlib.zstdDecompressSync(body),
}
export const codings = ['gzip', 'br', 'zstd'] as const
export const decoding: Wishes = { compression: { requests: { decode: true } } as never }
export const MiB = 1024 ** 2

/** An origin that reads each body to its end, and says yes by `reply` or with these fields. */
export async function readingOrigin(t: Teardown, reply: (request: RawRequest) => Buffer | null = () => null) {
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(
      () => socket.write(reply(request) ?? answer(200, { 'Content-Type': 'text/plain' }, 'thanks')),
      () => {},
    )
  })
  t.teardown(origin.close)
  return origin
}

export function post(
  port: number,
  body: Buffer,
  fields: Record<string, string>,
  target = '/notes',
): Promise<RawAnswer> {
  const lines = Object.entries({ Host: 'home.test', 'Content-Type': 'application/json', ...fields })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const isChunked = fields['Transfer-Encoding'] === 'chunked'
  const framing = isChunked ? '' : `Content-Length: ${body.length}\r\n`
  const bytes = isChunked ? chunked(body) : body
  return exchange(port, Buffer.concat([Buffer.from(`POST ${target} HTTP/1.1\r\n${head}${framing}\r\n`), bytes]))
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += 10_000) {
    const part = body.subarray(at, at + 10_000)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

export const seen = ({ requests }: { requests: RawRequest[] }, at = -1) => requests.at(at) as RawRequest

/** The series of a counter: the values of its labels, and the number. */
export function counted(app: FastifyInstance, name: string): (string | number)[][] {
  for (const signal of contractOf(app).signals.numbers()) {
    if (signal.spec.name !== name) continue
    return [...signal.series()].map(({ labels, point }) => [...labels, point.value])
  }
  return []
}
