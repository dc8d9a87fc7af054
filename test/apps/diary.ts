// What happened while a page was open: each answer with its body's digest, each trouble (console errors, exceptions,
// failed requests, answers from 400 on), and the frames of its websockets. Addresses are kept without the origin.
import { createHash } from 'node:crypto'
import type { Page, Response } from 'playwright-core'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What may differ between two visits without a fault: the door's own origin, and the app's own moving parts. */
export interface Differences {
  readonly origin: string
  readonly moving: readonly RegExp[]
  /** Addresses whose answers tell the present state of the app, or wait for the next: they are not compared. */
  readonly live?: RegExp | undefined
}

/** SHA-256 of a decoded body, with what may differ blanked out. */
export function digestOf(body: Buffer, { origin, moving }: Differences): string {
  const text = body.toString('latin1').replaceAll(origin, '{origin}')
  const still = moving.reduce((rest, part) => rest.replaceAll(part, '{moving}'), text)
  return createHash('sha256').update(still, 'latin1').digest('hex')
}

/** An answer as the page saw it; see `digestOf`. */
export interface Resource {
  readonly status: number
  readonly digest: string
}

export interface SocketDiary {
  readonly path: string
  readonly sent: string[]
  readonly received: string[]
}

export class Diary {
  readonly troubles: string[] = []
  readonly sockets: SocketDiary[] = []
  readonly #resources = new Map<string, Promise<Resource>>()
  readonly #differences: Differences

  constructor(page: Page, differences: Differences) {
    this.#differences = differences
    page.on('console', message => {
      const path = this.#local(message.location().url)
      if (message.type() === 'error') this.troubles.push(`console ${path}: ${withoutPhrase(message.text())}`)
    })
    page.on('pageerror', error => this.troubles.push(`exception: ${error.message}${placeOf(error)}`))
    page.on('requestfailed', request => {
      const path = this.#local(request.url())
      this.troubles.push(`failed ${request.method()} ${path}: ${request.failure()?.errorText}`)
    })
    page.on('response', response => this.#note(response))
    page.on('websocket', socket => {
      const diary: SocketDiary = { path: new URL(socket.url()).pathname, sent: [], received: [] }
      this.sockets.push(diary)
      socket.on('framesent', frame => diary.sent.push(String(frame.payload)))
      socket.on('framereceived', frame => diary.received.push(String(frame.payload)))
    })
  }

  /**
   * Every answer to a safe method so far, by `METHOD path`. Event streams (no end) and writes (each app checks its
   * own) stay out.
   */
  async resources(): Promise<Record<string, Resource>> {
    const entries = [...this.#resources].map(async ([key, resource]) => [key, await resource] as const)
    return Object.fromEntries((await Promise.all(entries)).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  #note(response: Response): void {
    const request = response.request()
    const key = `${request.method()} ${this.#local(response.url())}`
    if (response.status() >= 400) this.troubles.push(`answer ${response.status()} ${key}`)
    const { origin, live } = this.#differences
    const isOwn = response.url().startsWith(`${origin}/`) && !live?.test(response.url().slice(origin.length))
    if (!isOwn || !SAFE_METHODS.has(request.method()) || request.resourceType() === 'eventsource') return
    // What the page's own memory asked about again has no body here; the one that was confirmed is noted.
    if (response.status() === 304 && this.#resources.has(key)) return
    this.#resources.set(key, this.#read(response, key))
  }

  async #read(response: Response, key: string): Promise<Resource> {
    try {
      const { location } = response.headers()
      // A browser keeps no body of an answer that sends it on.
      if (location !== undefined) {
        const there = new URL(location, response.url()).href
        return { status: response.status(), digest: this.#local(there) }
      }
      return { status: response.status(), digest: digestOf(await response.body(), this.#differences) }
    } catch (error) {
      this.troubles.push(`unreadable ${key}: ${(error as Error).message}`)
      return { status: response.status(), digest: 'unreadable' }
    }
  }

  /** The path without the door's origin and without a time of day as a cache buster (`_=TIME`, `?TIME`). */
  #local(url: string): string {
    const { origin } = this.#differences
    const path = url.startsWith(origin) ? url.slice(origin.length) : url
    return path.replace(/[?&](_=)?\d{13}$/u, '')
  }
}

/** HTTP/2 has no reason phrase, which Chromium's console quotes at the end: `(Not Found)` or `()`. */
function withoutPhrase(text: string): string {
  return text.replace(/ \([^()]*\)$/u, '')
}

/** The innermost places of an exception, without origin and query, so that a rare one can be found. */
function placeOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').filter(line => /^\s+at /.test(line))
  const places = frames.slice(0, 4).map(line => line.trim().replace(/https?:\/\/[^/]+([^?:)]*)(?:\?[^:)]*)?/, '$1'))
  return places.length === 0 ? '' : ` (${places.join(', ')})`
}
