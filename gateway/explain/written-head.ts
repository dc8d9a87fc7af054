/**
 * The head that a client would send for the request in question, in the two forms that Node hands out: flat lines, and
 * one joined value a name.
 */
import { METHODS, validateHeaderName, validateHeaderValue } from 'node:http'
import { decideHead, type HeadBounds } from '../listeners/head-rules.ts'
import type { TargetDecision } from '../routing/index.ts'
import { ExplainError } from './errors.ts'
import type { ExplainRequest, Refusal } from './types.ts'
import { explainMalformed } from './words.ts'

export interface WrittenHead {
  /** Flat `[name, value, …]`, Host first. */
  readonly lines: readonly string[]
  /** Value by lower-case name, all lines of a name joined. */
  readonly fields: Readonly<Record<string, string>>
  /** The Host field. */
  readonly host: string
}

/**
 * @param authority Host of the URL, empty where it has none
 * @throws ExplainError for a field that no client can send, or where nobody names a host
 */
export function writeHead(headers: ExplainRequest['headers'], authority: string): WrittenHead {
  const hosts = headers.filter(([name]) => name.toLowerCase() === 'host')
  if (hosts.length === 0 && authority === '') throw new ExplainError('the URL names no host: write http://host/path')
  const first = hosts.length === 0 ? [['Host', authority] as const] : hosts
  const all = [...first, ...headers.filter(([name]) => name.toLowerCase() !== 'host')]
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of all) {
    checkField(name, value)
    const lower = name.toLowerCase()
    const before = fields[lower]
    fields[lower] = before === undefined ? value : `${before}${lower === 'cookie' ? '; ' : ', '}${value}`
  }
  return { lines: all.flat(), fields, host: first[0]?.[1] ?? '' }
}

function checkField(name: string, value: string): void {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new ExplainError(`no client can send the header ${JSON.stringify(name)}: ${(cause as Error).message}`)
  }
}

/** What a listener answers before the gateway sees the request; null where it lets it in. */
export function refusalAtEdge(
  method: string,
  head: WrittenHead,
  request: { readonly target: string; readonly reading: TargetDecision; readonly bounds: HeadBounds },
): Refusal | null {
  if (!METHODS.includes(method)) return refuse(400, `the method ${JSON.stringify(method)} is not known`, null)
  if (method === 'CONNECT') return refuse(405, 'CONNECT is not allowed', 'this is no forward proxy')
  const { target, reading, bounds } = request
  const decision = decideHead({ http2: false, version: '1.1', method, target, fields: head.lines }, bounds)
  if (decision.admit) return null
  const detail = reading.ok ? null : explainMalformed(reading.reason)
  return { ...refuse(decision.status, decision.reason, detail), code: 'HG_BAD_REQUEST' }
}

function refuse(status: number, message: string, detail: string | null): Refusal {
  return { status, code: null, message, detail }
}
