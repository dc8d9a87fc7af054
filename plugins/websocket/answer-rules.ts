/**
 * Which header lines of the origin's answer go to the client: all of them on 101 but those of the transport, the
 * ordinary end-to-end ones with `Connection: close` on a refusal (RFC 9110 §7.6.1, §7.8, §15.5.22).
 */
import type { AnswerHead } from './answer-head.ts'
import { tokensOf } from './head-lines.ts'

const transport = new Set(['connection', 'keep-alive', 'proxy-connection', 'te'])
const neverNominated = new Set(['upgrade', 'content-length', 'transfer-encoding', 'host'])

/** To the protocol that was asked for, which the 101 has to name, and in the version that knows 101 (RFC 9110 §7.8, §15.2.2). */
export function isSwitchAsked({ minor, headers }: Pick<AnswerHead, 'minor' | 'headers'>): boolean {
  const protocols = tokensOf(headers, 'upgrade')
  return minor === 1 && protocols.length > 0 && protocols.every(protocol => protocol === 'websocket')
}

/** The lines of a 101: everything but the connection's own fields, then `Connection: Upgrade`. */
export function switchingHeaders(headers: readonly string[]): string[] {
  const kept = keepLines(headers, name => name !== 'content-length' && name !== 'transfer-encoding')
  return ['Connection', 'Upgrade', ...kept]
}

/**
 * The lines of a refusal. Framing fields stay, since the body is relayed as it is framed; Upgrade stays on 426, which
 * is meaningless without it.
 */
export function refusalHeaders(status: number, headers: readonly string[]): string[] {
  const keepsUpgrade = status === 426
  const kept = keepLines(headers, name => name !== 'upgrade' || keepsUpgrade)
  return [...kept, 'Connection', keepsUpgrade ? 'close, Upgrade' : 'close']
}

function keepLines(headers: readonly string[], keeps: (name: string) => boolean): string[] {
  const nominated = new Set(tokensOf(headers, 'connection').filter(name => !neverNominated.has(name)))
  const kept: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (!transport.has(name) && !nominated.has(name) && keeps(name)) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}
