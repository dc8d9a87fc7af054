/**
 * The way from http to https: which plain listeners send their clients there, to which port, and who is let off
 * (RFC 9110 §15.4.9: 308 keeps the method and the body).
 */
import { isIP } from 'node:net'
import type { ListenerConfig } from '../config/types.ts'
import { isLoopback } from '../listeners/index.ts'

/** A plain listener whose clients are sent on. */
export interface HttpsDoor {
  /** Address it listens on. */
  readonly host: string
  readonly port: number
  /** Port of https as clients reach it. */
  readonly to: number
}

export interface RedirectQuestion {
  /** As the client used it, by what its proxy says where that is trusted. */
  readonly proto: 'http' | 'https'
  /** Address of the client. */
  readonly address: string
  /** Normalised name that routing saw, an IPv6 address in brackets. */
  readonly host: string
  /** Request target as it was received. */
  readonly target: string
  /** Where the connection arrived; the address is left out where it is not known. */
  readonly localAddress?: string | undefined
  readonly localPort: number
}

export type RedirectDecision =
  | { readonly redirect: true; readonly location: string; readonly reason: 'listener' }
  | { readonly redirect: false; readonly reason: 'no-redirect-here' | 'https-already' | 'loopback' | 'no-path' }

/**
 * @param ports the real port of each listener; those of the configuration while they are not open
 * @returns empty where no listener redirects
 */
export function httpsDoors(listen: readonly ListenerConfig[], ports: readonly number[]): HttpsDoor[] {
  const first = listen.findIndex(({ tls }) => tls !== null)
  return listen.flatMap(({ host, port, tls, redirect }, i) => {
    if (redirect === undefined || tls !== null) return []
    const to = redirect === 'https' ? (ports[first] ?? listen[first]?.port ?? 443) : redirect
    return [{ host, port: ports[i] ?? port, to }]
  })
}

/** A client on this machine that asks by a loopback name is let off: nothing of it can be overheard (health checks). */
export function decideRedirect(doors: readonly HttpsDoor[], question: RedirectQuestion): RedirectDecision {
  const { proto, address, host } = question
  if (proto === 'https') return { redirect: false, reason: 'https-already' }
  const door = doors.find(each => arrivedAt(each, question))
  if (door === undefined) return { redirect: false, reason: 'no-redirect-here' }
  if (isLoopback(address) && isLoopbackName(host)) return { redirect: false, reason: 'loopback' }
  const path = pathOf(question.target)
  if (path === null) return { redirect: false, reason: 'no-path' }
  const authority = door.to === 443 ? host : `${host}:${door.to}`
  return { redirect: true, location: `https://${authority}${path}`, reason: 'listener' }
}

/** Two listeners may have one port on two addresses. */
function arrivedAt({ host, port }: HttpsDoor, { localAddress, localPort }: RedirectQuestion): boolean {
  if (port !== localPort) return false
  return localAddress === undefined || isIP(host) === 0 || host === '0.0.0.0' || host === '::' || host === localAddress
}

function isLoopbackName(host: string): boolean {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  return isIP(bare) === 0 ? bare === 'localhost' || bare.endsWith('.localhost') : isLoopback(bare)
}

/** Path and query byte for byte, of an absolute-form target too (RFC 9112 §3.2.2); null for `*`. */
function pathOf(target: string): string | null {
  if (target.startsWith('/')) return target
  const end = target.indexOf('://')
  if (end < 0) return null
  const rest = target.slice(end + 3)
  const start = rest.search(/[/?]/)
  if (start < 0) return '/'
  return rest[start] === '/' ? rest.slice(start) : `/${rest.slice(start)}`
}
