/** One request at the origin of a test, to be answered by hand. */
import type { Socket } from 'node:net'
import { answer, type RawRequest } from '../../support/raw-origin.ts'

export type Fields = Readonly<Record<string, string | number>>

/** A request as the origin sees it, and the pen to answer it with. */
export class Ask {
  readonly request: RawRequest
  readonly socket: Socket

  constructor(request: RawRequest, socket: Socket) {
    this.request = request
    this.socket = socket
  }

  get fields(): Record<string, string> {
    return this.request.headers
  }

  /** A whole answer with its length. */
  answer(status: number, fields: Fields = {}, body: string | Buffer = ''): void {
    const isBodyless = this.request.method === 'HEAD' || status === 304 || status === 204
    if (isBodyless) this.socket.write(head(status, fields))
    else this.socket.write(answer(status, asText(fields), body))
  }

  /** The head alone; chunked unless the fields say a length. */
  begin(status: number, fields: Fields = {}): this {
    const hasLength = Object.keys(fields).some(name => name.toLowerCase() === 'content-length')
    this.socket.write(head(status, hasLength ? fields : { ...fields, 'Transfer-Encoding': 'chunked' }))
    return this
  }

  chunk(body: string | Buffer): this {
    const bytes = Buffer.from(body)
    this.socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]))
    return this
  }

  /** Bytes as they are, for bodies with a length. */
  bytes(body: string | Buffer): this {
    this.socket.write(body)
    return this
  }

  end(trailers = ''): void {
    this.socket.write(`0\r\n${trailers}\r\n`)
  }

  cut(): void {
    this.socket.destroy()
  }
}

function head(status: number, fields: Fields): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`
}

function asText(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]))
}
