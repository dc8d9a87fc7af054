/**
 * Which requests are WebSocket upgrades that may become a tunnel (RFC 6455 §4.1, RFC 9110 §7.8). Everything else that
 * asks for an upgrade is an ordinary request: a foreign protocol behind a tunnel would escape every rule, and a body in
 * front of a tunnel could hide a request.
 */
import type { IncomingMessage } from 'node:http'
import { splitTokens } from './head-lines.ts'

/** The parts of a request that decide. */
export type UpgradeHead = Pick<IncomingMessage, 'method' | 'httpVersion' | 'headers'>

export type UpgradeDecision = { readonly upgrade: true } | { readonly upgrade: false; readonly reason: string }

/** Decides whether a request may become a tunnel. */
export function decideUpgrade(request: UpgradeHead): UpgradeDecision {
  const { headers } = request
  const refuse = (reason: string): UpgradeDecision => ({ upgrade: false, reason })
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refuse('not websocket')
  if (request.method !== 'GET') return refuse('method')
  if (request.httpVersion !== '1.1') return refuse('HTTP version')
  if (!splitTokens(headers.connection ?? '').includes('upgrade')) return refuse('Connection without Upgrade')
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') return refuse('body')
  return { upgrade: true }
}

/** For the option `shouldUpgradeCallback` of `node:http`: what is no WebSocket upgrade stays an ordinary request. */
export function isWebSocketUpgrade(request: UpgradeHead): boolean {
  return decideUpgrade(request).upgrade
}
