/**
 * When the authority itself would have a certificate renewed (ARI, RFC 9773): earlier than usual before it takes one back,
 * or at an hour when it has little to do. An authority that says nothing changes nothing.
 */

import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Agent } from 'undici'
import type { AcmeConfig } from '../config/types.ts'
import type { Validity } from './renewal.ts'
import { readRetryAfter } from './renewal.ts'

const ASK_MS = 30_000
/** Both are a few hundred bytes. */
const MAX_BYTES = 65_536
/** §4.3.2: how soon to ask again, by the authority within these bounds, else six hours. */
const USUAL_LOOK_MS = 6 * 3_600_000
const SHORTEST_LOOK_MS = 60_000
const LONGEST_LOOK_MS = 24 * 3_600_000
/** Share of a lifetime that is left for attempts, whatever the authority says. */
const LAST_SHARE = 0.1

export interface RenewalWindow {
  readonly startMs: number
  readonly endMs: number
}

/** What it said when it was asked last. */
export interface RenewalInfo {
  /** Of the certificate that it was about. */
  readonly serial: string
  /** Null = nothing that could be understood. */
  readonly window: RenewalWindow | null
  /** Not asked before, ms since 1970. */
  readonly nextMs: number
}

/** DER of the key identifier of the authority: extension 2.5.29.35, and its `[0]` (RFC 5280 §4.2.1.1). */
const AUTHORITY_KEY = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23, 0x04])

/** What the authority knows a certificate by (§4.1); null where it does not name its authority's key. */
export function certificateId({ raw, serialNumber }: Pick<X509Certificate, 'raw' | 'serialNumber'>): string | null {
  const at = raw.indexOf(AUTHORITY_KEY)
  if (at === -1) return null
  // OCTET STRING, SEQUENCE and [0], each with a length of one byte: identifiers are hashes.
  const [sequence, , kind, length = 0] = raw.subarray(at + AUTHORITY_KEY.length + 1)
  if (sequence !== 0x30 || kind !== 0x80 || length === 0 || length > 64) return null
  const start = at + AUTHORITY_KEY.length + 5
  const hex = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`
  // A positive INTEGER whose first bit is set has a zero in front (X.690 §8.3).
  const serial = Buffer.from(Number.parseInt(hex.slice(0, 2), 16) < 128 ? hex : `00${hex}`, 'hex')
  return `${raw.subarray(start, start + length).toString('base64url')}.${serial.toString('base64url')}`
}

/** §4.2; null for anything that is no window. */
export function readWindow(body: unknown): RenewalWindow | null {
  const { suggestedWindow } = (body ?? {}) as { suggestedWindow?: { start?: unknown; end?: unknown } }
  const startMs = Date.parse(String(suggestedWindow?.start))
  const endMs = Date.parse(String(suggestedWindow?.end))
  return startMs < endMs ? { startMs, endMs } : null
}

/** A time within the window, the same for one certificate each time, and never so late that nothing is left for attempts. */
export function suggestedTime(window: RenewalWindow, { notBeforeMs, notAfterMs }: Validity, chance: number): number {
  const latest = notAfterMs - (notAfterMs - notBeforeMs) * LAST_SHARE
  return Math.min(window.startMs + (window.endMs - window.startMs) * chance, latest)
}

export function nextLook(retryAfterMs: number | null, nowMs: number): number {
  return nowMs + Math.min(Math.max(retryAfterMs ?? USUAL_LOOK_MS, SHORTEST_LOOK_MS), LONGEST_LOOK_MS)
}

export interface InfoQuestion {
  readonly config: Pick<AcmeConfig, 'directory' | 'ca'>
  readonly certificate: X509Certificate
  readonly signal: AbortSignal
  readonly nowMs: number
}

/** Never rejects: what cannot be found out now is asked for again later (§4.3.3), and our own rule holds meanwhile. */
export async function askRenewalInfo({ config, certificate, signal, nowMs }: InfoQuestion): Promise<RenewalInfo> {
  const serial = certificate.serialNumber
  const nothing = { serial, window: null, nextMs: nextLook(null, nowMs) }
  const id = certificateId(certificate)
  if (id === null) return nothing
  let agent: Agent | undefined
  try {
    const undici = await import('undici')
    agent = new undici.Agent(config.ca === null ? {} : { connect: { ca: await readFile(config.ca, 'utf8') } })
    const asking = { dispatcher: agent, signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]) }
    const { renewalInfo } = (await getJson(config.directory, asking)).body as { renewalInfo?: unknown }
    if (typeof renewalInfo !== 'string' || !renewalInfo.startsWith('https://')) return nothing
    const { body, retryAfter } = await getJson(`${renewalInfo.replace(/\/$/, '')}/${id}`, asking)
    return { serial, window: readWindow(body), nextMs: nextLook(readRetryAfter(retryAfter, nowMs), nowMs) }
  } catch {
    return nothing
  } finally {
    await agent?.destroy()
  }
}

type Asking = { readonly dispatcher: Agent; readonly signal: AbortSignal }

/** @throws for an answer that is no JSON, too long, or none */
async function getJson(url: string, asking: Asking): Promise<{ body: unknown; retryAfter: unknown }> {
  const { request } = await import('undici')
  const { statusCode, headers, body } = await request(url, { ...asking, headers: { accept: 'application/json' } })
  let text = ''
  for await (const part of body) {
    text += part
    if (text.length > MAX_BYTES) throw new RangeError('an answer that is too long')
  }
  if (statusCode !== 200) throw new TypeError(`the authority answers ${statusCode}`)
  return { body: JSON.parse(text), retryAfter: headers['retry-after'] }
}
