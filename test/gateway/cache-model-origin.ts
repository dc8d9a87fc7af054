/**
 * An origin of pages that change, and the journal of all that it said: what there was to be stored, by whom it was asked
 * for and when, for a judge who knows nothing of the cache in between.
 */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { RawRequest, Script } from '../support/raw-origin.ts'
import { spansOf } from './cache-range-origin.ts'

/** How the pages of one address are, until they are changed. */
export interface Manner {
  readonly control: string
  /** The request fields by which the pages differ, told in Vary. */
  readonly vary: readonly string[]
  readonly tag: 'strong' | 'weak' | 'none'
  readonly hasDate: boolean
  readonly hasModified: boolean
  /** `asked`: gzip for who takes it; `always`: gzip for everybody. */
  readonly coding: 'none' | 'asked' | 'always'
  readonly hasRanges: boolean
  readonly isChunked: boolean
  /** Seconds that the answer was on its way before. */
  readonly age: number
  readonly slowMs: number
  readonly setsCookie: boolean
  readonly length: number
}

/** How the next answers fail. */
export type Fault = 'none' | '503' | '500' | 'cut' | 'reset'

export interface Page {
  readonly manner: Manner
  readonly version: number
}

/** One representation: bytes as they are, and as they are sent. */
export interface Representation {
  readonly id: string
  readonly plain: Buffer
  readonly sent: Buffer
  readonly isCoded: boolean
  readonly tag: string | null
  readonly modified: string | null
}

/** One answer of the origin. */
export interface Said {
  readonly target: string
  readonly serial: number
  readonly status: number
  readonly representation: Representation
  readonly manner: Manner
  readonly request: RawRequest['headers']
  readonly method: string
  readonly askedMs: number
  saidMs: number
  doneMs: number
  /** It was broken off. */
  wasCut: boolean
  /** Its connection was closed with it: its client may have left, and nothing was stored. */
  wasLeft: boolean
}

export class ModelOrigin {
  readonly pages = new Map<string, Page>()
  readonly journal: Said[] = []
  #serial = 0
  readonly #last = new WeakMap<Socket, Said>()
  fault: Fault = 'none'
  faultsLeft = 0
  /** Requests that it has failed. */
  failures = 0

  readonly script: Script = (request, socket) => {
    void request.complete.then(() => this.#answer(request, socket)).catch(() => {})
  }

  /** What it said of an address, for who reads a counterexample. */
  tell(target: string): string[] {
    const lines = this.journal.filter(said => said.target === target)
    return lines.map(
      ({ serial, method, status, representation: { id }, askedMs, request }) =>
        `  said ${serial}: ${method} ${status} ${id} at ${askedMs} to ${JSON.stringify(request)}`,
    )
  }

  #leave(socket: Socket): void {
    const said = this.#last.get(socket)
    if (said !== undefined) said.wasLeft = true
  }

  async #answer(request: RawRequest, socket: Socket): Promise<void> {
    const page = this.pages.get(request.target)
    if (page === undefined) return void socket.write('HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n')
    const askedMs = Date.now()
    const fault = this.faultsLeft > 0 ? this.fault : 'none'
    if (fault !== 'none') {
      this.faultsLeft--
      this.failures++
    }
    if (request.method === 'POST') return void socket.write('HTTP/1.1 204 Done\r\n\r\n')
    if (fault === 'reset') return void socket.resetAndDestroy()
    if (fault === '500' || fault === '503') {
      return void socket.write(`HTTP/1.1 ${fault} Broken\r\nContent-Length: 6\r\n\r\nbroken`)
    }
    const said = sayFor(page, request, askedMs, this.#serial++)
    this.journal.push(said)
    if (!this.#last.has(socket)) socket.once('close', () => this.#leave(socket))
    this.#last.set(socket, said)
    const { head, body } = bytesFor(said)
    await pause(page.manner.slowMs)
    said.saidMs = Date.now()
    socket.write(head)
    const half = Math.floor(body.length / 2)
    if (fault === 'cut' && body.length > 1) {
      said.wasCut = true
      socket.write(body.subarray(0, half))
      await pause(5)
      return void socket.destroy()
    }
    socket.write(body.subarray(0, half))
    if (page.manner.slowMs > 0) await pause(page.manner.slowMs)
    said.doneMs = Date.now()
    socket.write(body.subarray(half))
  }
}

const pause = (ms: number) => (ms > 0 ? sleep(ms) : null)

const contents = new Map<string, Representation>()

/** The page that a request selects. */
export function representationFor(
  page: Page,
  { target, headers }: Pick<RawRequest, 'target' | 'headers'>,
): Representation {
  const { manner, version } = page
  const isCoded = manner.coding === 'always' || (manner.coding === 'asked' && takes(headers['accept-encoding'], 'gzip'))
  const chosen = manner.vary.map(name => `${name}=${headers[name] ?? ''}`).join('&')
  const id = `${target} v${version} ${chosen}${isCoded ? ' gzip' : ''} ${manner.length}`
  const name = `${id} ${manner.tag} ${manner.hasModified}`
  const before = contents.get(name)
  if (before !== undefined) return before
  const plain = Buffer.from(textOf(`${target} v${version} ${chosen}`, manner.length))
  const made: Representation = {
    id,
    plain,
    sent: isCoded ? gzipSync(plain) : plain,
    isCoded,
    tag: manner.tag === 'none' ? null : `${manner.tag === 'weak' ? 'W/' : ''}"${hashOf(name)}"`,
    modified: manner.hasModified ? new Date(Date.UTC(2024, 0, 1, 0, version)).toUTCString() : null,
  }
  contents.set(name, made)
  return made
}

/** No two stretches of eight bytes are the same in one text or in two. */
function textOf(id: string, length: number): string {
  const word = hashOf(id)
  let text = `${id}\n`
  for (let i = 0; text.length < length; i++) text += `${i}.${word} `
  return text.slice(0, length)
}

function hashOf(text: string): string {
  let hash = 7
  for (const char of text) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0
  return hash.toString(36)
}

/** RFC 9110 §12.5.3, for a coding other than identity. */
export function takes(field: string | undefined, coding: string): boolean {
  const weights = new Map<string, number>()
  for (const member of (field ?? '').split(',')) {
    const [name = '', weight = 'q=1'] = member.split(';').map(part => part.trim().toLowerCase())
    if (name !== '') weights.set(name, Number(weight.slice(2)))
  }
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0
}

function sayFor(page: Page, request: RawRequest, askedMs: number, serial: number): Said {
  const representation = representationFor(page, request)
  const { headers, method, target } = request
  const known = { target, serial, representation, manner: page.manner, request: headers, method, askedMs }
  return {
    ...known,
    status: statusFor(representation, page.manner, headers),
    saidMs: 0,
    doneMs: 0,
    wasCut: false,
    wasLeft: false,
  }
}

function statusFor({ tag, modified, sent }: Representation, manner: Manner, headers: RawRequest['headers']): number {
  const none = headers['if-none-match']
  if (none !== undefined) {
    if (tag !== null && opaque(none).includes(opaque(tag))) return 304
  } else if (modified !== null && headers['if-modified-since'] === modified) return 304
  const spans = isRanged(manner, tag, headers) ? spansOf(headers['range'], sent.length) : null
  if (spans === null || spans.length > 1) return 200
  return spans.length === 0 ? 416 : 206
}

const opaque = (tags: string) => tags.replaceAll('W/', '')

function isRanged(manner: Manner, tag: string | null, headers: RawRequest['headers']): boolean {
  if (!manner.hasRanges || headers['range'] === undefined) return false
  return headers['if-range'] === undefined || (manner.tag === 'strong' && headers['if-range'] === tag)
}

function bytesFor(said: Said): { head: string; body: Buffer } {
  const { representation, manner, status, method, request, serial } = said
  const { sent, isCoded, tag, modified } = representation
  const vary = [...manner.vary, ...(manner.coding === 'none' ? [] : ['accept-encoding'])]
  const lines = [`X-Serial: ${serial}`, `X-Secret: ${serial}`]
  if (manner.hasDate) lines.push(`Date: ${new Date(Date.now() - manner.age * 1000).toUTCString()}`)
  if (manner.age > 0) lines.push(`Age: ${manner.age}`)
  if (manner.control !== '') lines.push(`Cache-Control: ${manner.control}`)
  if (vary.length > 0) lines.push(`Vary: ${vary.join(', ')}`)
  if (tag !== null) lines.push(`ETag: ${tag}`)
  if (modified !== null) lines.push(`Last-Modified: ${modified}`)
  if (manner.setsCookie) lines.push(`Set-Cookie: got=${serial}`)
  const text = (more: readonly string[]) => [`HTTP/1.1 ${status} Status`, ...lines, ...more, '', ''].join('\r\n')
  if (status === 304) return { head: text([]), body: Buffer.alloc(0) }
  const spans = status === 206 || status === 416 ? spansOf(request['range'], sent.length) : null
  if (status === 416)
    return { head: text([`Content-Range: bytes */${sent.length}`, 'Content-Length: 0']), body: Buffer.alloc(0) }
  const [first, last] = spans?.[0] ?? [0, sent.length - 1]
  const body = sent.subarray(first, last + 1)
  const about = ['Content-Type: text/plain', ...(isCoded ? ['Content-Encoding: gzip'] : [])]
  if (spans !== null) about.push(`Content-Range: bytes ${first}-${last}/${sent.length}`)
  if (method === 'HEAD') return { head: text([...about, `Content-Length: ${body.length}`]), body: Buffer.alloc(0) }
  if (!manner.isChunked) return { head: text([...about, `Content-Length: ${body.length}`]), body }
  const size = `${body.length.toString(16)}\r\n`
  const chunked = Buffer.concat([
    Buffer.from(body.length === 0 ? '' : size),
    body,
    Buffer.from(body.length === 0 ? '0\r\n\r\n' : '\r\n0\r\n\r\n'),
  ])
  return { head: text([...about, 'Transfer-Encoding: chunked']), body: chunked }
}
