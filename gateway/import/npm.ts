/**
 * Nginx Proxy Manager: the list of proxy hosts as its API gives it (`GET /api/nginx/proxy-hosts`), or an object that holds
 * this list as `proxy_hosts`.
 */
import { type Imported, type ImportedRoute, route } from './types.ts'

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? `${value}` : ''
const isOn = (value: unknown): boolean => value === true || value === 1

export function importNpm(text: string): Imported {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (error) {
    return { routes: [], lost: [`not JSON: ${(error as Error).message}`] }
  }
  const hosts = isObject(read) ? (read['proxy_hosts'] ?? read['data']) : read
  if (!Array.isArray(hosts)) return { routes: [], lost: ['no list of proxy hosts: export GET /api/nginx/proxy-hosts'] }
  const lost: string[] = []
  return { routes: hosts.filter(isObject).flatMap(host => readHost(host, lost)), lost }
}

function readHost(host: Json, lost: string[]): ImportedRoute[] {
  const hosts = (Array.isArray(host['domain_names']) ? host['domain_names'] : [])
    .map(textOf)
    .filter(name => name !== '')
  const name = hosts[0] ?? `host ${textOf(host['id'])}`
  if (host['enabled'] === false || host['enabled'] === 0) {
    lost.push(`${name}: it is switched off, so it was left out`)
    return []
  }
  for (const sentence of lostOf(host)) lost.push(`${name}: ${sentence}`)
  const main = route(name, { hosts, upstreams: [addressOf(host)].filter(isAddress), ...guardOf(host) })
  const locations = (Array.isArray(host['locations']) ? host['locations'] : []).filter(isObject)
  return [main, ...locations.map(location => readLocation(location, main, lost))].map(verified)
}

/** An access list is a number here: who is on it stands elsewhere. */
function guardOf(host: Json): Partial<ImportedRoute> {
  return {
    isShut: Number(host['access_list_id'] ?? 0) > 0,
    hsts: isOn(host['hsts_enabled']) && isOn(host['ssl_forced']),
  }
}

/** NPM checks no certificate of an origin; for plain HTTP there is none. */
function verified(each: ImportedRoute): ImportedRoute {
  return { ...each, verify: !each.upstreams.some(url => url.startsWith('https:')) }
}

function readLocation(location: Json, main: ImportedRoute, lost: string[]): ImportedRoute {
  const path = textOf(location['path']) || '/'
  const forward = textOf(location['forward_host'])
  const cut = forward.indexOf('/')
  const base = cut === -1 ? null : forward.slice(cut)
  const address = addressOf({ ...location, forward_host: cut === -1 ? forward : forward.slice(0, cut) })
  if (textOf(location['advanced_config']).trim() !== '')
    lost.push(`${main.name}${path}: its own nginx configuration was not read`)
  return route(`${main.name} ${path}`, {
    hosts: main.hosts,
    isShut: main.isShut,
    hsts: main.hsts,
    path: path.replace(/(.)\/+$/, '$1'),
    upstreams: [address].filter(isAddress),
    rewritePath: base === null ? null : base.replace(/(.)\/+$/, '$1'),
  })
}

function addressOf(of: Json): string {
  const host = textOf(of['forward_host'])
  const bare = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${textOf(of['forward_scheme']) || 'http'}://${bare}:${textOf(of['forward_port'])}`
}

function isAddress(url: string): boolean {
  return /^https?:\/\/[^/:]+.*:\d+$/.test(url)
}

function lostOf(host: Json): string[] {
  const found: [boolean, string][] = [
    [Number(host['access_list_id'] ?? 0) > 0, 'its access list was not kept: write "access" on the route'],
    [textOf(host['advanced_config']).trim() !== '', 'its own nginx configuration was not read'],
    [
      Number(host['certificate_id'] ?? 0) > 0,
      'its certificate was not kept: write "acme: true" or the files under "listen.tls"',
    ],
    [isOn(host['ssl_forced']), '"Force SSL" was not kept: write "redirect: https" on the plain listener'],
    [isOn(host['block_exploits']), '"Block common exploits" has nothing that stands for it'],
  ]
  return found.filter(([holds]) => holds).map(([, sentence]) => sentence)
}
