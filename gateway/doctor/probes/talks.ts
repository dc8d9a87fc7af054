/** Upgrades, event streams and uploads, each as the one question that shows how they fare. */
import { randomBytes } from 'node:crypto'
import { MARK, type Place } from './ask.ts'
import { talk } from './raw.ts'

/** Longest wait for the answer to a handshake or to the head of an upload. */
const HEAD_MS = 5_000
/** Who sends events sends one at the beginning, or says how it is within this. */
const WATCH_MS = 3_000
/** More than any home connection holds back and less than any disk has: who has a limit of sizes shows it. */
const UPLOAD_BYTES = 1_073_741_824

/** `status` null = no answer. */
export interface TalkSeen {
  readonly status: number | null
  readonly error: string | null
  /** Code of a failure that the gateway tells of: HG_BODY_TOO_LARGE. */
  readonly code: string | null
}

export interface StreamSeen extends TalkSeen {
  readonly type: string
  readonly encoding: string | null
  /** Milliseconds to the head and to the first byte of the body; null = not within the time it was watched. */
  readonly headMs: number | null
  readonly firstMs: number | null
  /** It ended while it was watched. */
  readonly ended: boolean
}

/** Fields beside those of the probe. */
export type MoreFields = readonly (readonly [name: string, value: string])[]

export interface Talk {
  readonly target: string
  readonly host: string
  readonly fields?: MoreFields
}

/**
 * Asks for a WebSocket as a page of `origin` would (RFC 6455 §4.1), and leaves at the answer. An app that changes to
 * another protocol than the one asked for, as CUPS does to TLS, has no socket there.
 */
export async function askUpgrade(place: Place, { target, host, fields = [] }: Talk, origin: string): Promise<TalkSeen> {
  const wanted = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', randomBytes(16).toString('base64')],
    ['Origin', origin],
  ] as const
  const { received, error } = await talk(place, head('GET', { target, host, fields: [...wanted, ...fields] }), {
    isEnough: hasHead,
    timeoutMs: HEAD_MS,
  })
  const isOther = statusIn(received) === 101 && !/\bwebsocket\b/i.test(fieldIn(received, 'upgrade') ?? '')
  return isOther ? { status: null, error: 'another protocol', code: null } : read(received, error)
}

/** Opens an event stream as a browser does, watches it for a while and leaves. */
export async function watchStream(place: Place, { target, host, fields = [] }: Talk): Promise<StreamSeen> {
  const wanted = [
    ['Accept', 'text/event-stream'],
    ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ] as const
  const startedMs = performance.now()
  let [headMs, firstMs]: [number | null, number | null] = [null, null]
  const { received, ended, error } = await talk(place, head('GET', { target, host, fields: [...wanted, ...fields] }), {
    isEnough: text => {
      const end = text.indexOf('\r\n\r\n')
      if (end >= 0) headMs ??= performance.now() - startedMs
      if (end >= 0 && text.length > end + 4) firstMs ??= performance.now() - startedMs
      return end >= 0 && fieldIn(text, 'content-type')?.startsWith('text/event-stream') !== true
    },
    timeoutMs: WATCH_MS,
  })
  const type = fieldIn(received, 'content-type') ?? ''
  return { ...read(received, error), type, encoding: fieldIn(received, 'content-encoding'), headMs, firstMs, ended }
}

/**
 * The head of a large upload below a folder that cannot exist. Its body is never begun, whatever is answered, and the
 * connection ends at the first answer: no app ever gets a whole request that it could act on.
 */
export async function announceUpload(place: Place, { target, host, fields = [] }: Talk): Promise<TalkSeen> {
  const wanted = [
    ['Accept', 'application/json'],
    ['Content-Type', 'application/octet-stream'],
    ['Content-Length', String(UPLOAD_BYTES)],
    ['Expect', '100-continue'],
  ] as const
  const { received, error } = await talk(place, head('PUT', { target, host, fields: [...wanted, ...fields] }), {
    isEnough: text => hasHead(text) && (statusIn(text) !== 413 || text.includes('}')),
    timeoutMs: HEAD_MS,
  })
  return read(received, error)
}

/** Path of nothing, different each time. */
export function nowhere(): string {
  return `hearthgate-doctor-${randomBytes(8).toString('hex')}/nothing-is-here`
}

function head(method: string, { target, host, fields = [] }: Talk): string {
  const lines = [['Host', host], ['User-Agent', MARK], ...fields].map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}

const hasHead = (text: string): boolean => text.includes('\r\n\r\n')

function statusIn(text: string): number | null {
  const found = /^HTTP\/1\.[01] (\d{3})/.exec(text)
  return found === null ? null : Number(found[1])
}

function fieldIn(text: string, name: string): string | null {
  const [first = ''] = text.split('\r\n\r\n', 1)
  const line = first.split('\r\n').find(one => one.toLowerCase().startsWith(`${name}:`))
  return line === undefined ? null : line.slice(name.length + 1).trim()
}

function read(received: string, error: string | null): TalkSeen {
  return { status: statusIn(received), error, code: /"(HG_[A-Z_]+)"/.exec(received)?.[1] ?? null }
}
