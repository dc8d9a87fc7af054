/** Where the doctor's connections go: to the origins of a route, and to the gateway's own listeners. Pure. */
import { isIP } from 'node:net'
import { inBrackets } from '../config/local-address.ts'
import type { RouteConfig } from '../config/types.ts'
import type { Place } from './probes/ask.ts'

/** An origin as it is configured. */
export interface Origin {
  readonly url: string
  readonly place: Place
  /** What it calls itself in Host. */
  readonly authority: string
  /** Null for a Unix socket. */
  readonly host: string | null
  readonly port: number | null
}

/** @param url of an origin that speaks HTTP/1.1; null for one that speaks only HTTP/2 in the clear (h2c) */
export function originOf(url: string, serverName: string | null): Origin | null {
  if (url.startsWith('h2c:')) return null
  if (url.startsWith('unix:')) {
    const socketPath = url.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
    const place = { secure: false, to: { socketPath }, serverName: null }
    return { url, place, authority: 'localhost', host: null, port: null }
  }
  const { protocol, hostname, port: written, host: authority } = new URL(url)
  const host = withoutBrackets(hostname)
  const secure = protocol === 'https:'
  const port = written === '' ? (secure ? 443 : 80) : Number(written)
  const name = serverName ?? (isIP(host) === 0 ? host : null)
  return { url, place: { secure, to: { host, port }, serverName: name }, authority, host, port }
}

/** The way of a visitor to a route. */
export interface Door {
  readonly place: Place
  readonly scheme: 'http' | 'https'
  /** Host as a browser sends it, with the port where it is not the usual one. */
  readonly host: string
  /** The name in it. */
  readonly name: string
  /** `https://wiki.home.arpa:8443` */
  readonly origin: string
}

/**
 * The door that visitors use for a host of a route: that with TLS where there is one.
 * @param listen addresses at which the listeners are reached, with their real ports
 */
export function doorFor(listen: readonly string[], host: string): Door | null {
  const urls = listen.flatMap(text => URL.parse(text) ?? [])
  const url = urls.find(({ protocol }) => protocol === 'https:') ?? urls[0]
  if (url === undefined) return null
  const secure = url.protocol === 'https:'
  const address = withoutBrackets(url.hostname)
  const name = nameFor(host, address)
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  const shown = inBrackets(name) + (url.port === '' ? '' : `:${url.port}`)
  const scheme = secure ? 'https' : 'http'
  const serverName = isIP(name) === 0 ? name : null
  return {
    place: { secure, to: { host: address, port }, serverName },
    ...{ scheme, host: shown, name, origin: `${scheme}://${shown}` },
  }
}

/** The host of a route that stands for the others: one with a name of its own before a pattern. */
export function hostOf({ match }: Pick<RouteConfig, 'match'>): string {
  return match.hosts.find(host => !host.includes('*')) ?? match.hosts.find(host => host !== '*') ?? '*'
}

/** A name that a pattern covers; for every name the address itself, since no name is known. */
function nameFor(host: string, address: string): string {
  return host === '*' ? address : host.replace(/^\*\./, 'hearthgate-doctor.')
}

const withoutBrackets = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** Path and query at the origin for one that visitors ask for (`rewrite_path`). */
export function targetAtOrigin(
  { match, rewritePath }: Pick<RouteConfig, 'match' | 'rewritePath'>,
  target: string,
): string {
  if (rewritePath === null) return target
  const mount = match.path.replace(/\/+$/, '')
  if (!target.startsWith(mount)) return target
  const rest = target.slice(mount.length)
  return `${rewritePath.replace(/\/+$/, '')}${rest.startsWith('/') ? rest : `/${rest}`}`
}

/** A path of the app as visitors ask for it. */
export function publicTarget({ match }: Pick<RouteConfig, 'match'>, path: string): string {
  return `${match.path.replace(/\/+$/, '')}${path}`
}
