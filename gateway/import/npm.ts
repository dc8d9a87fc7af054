/**
 * Nginx Proxy Manager: the list of proxy hosts as its API gives it (`GET /api/nginx/proxy-hosts`), or an object that holds
 * this list as `proxy_hosts`.
 */
import { hashPasswordSync } from '../../plugins/access/index.ts'
import { inBrackets } from '../config/local-address.ts'
import { guardOfLines, guardOfUsers, joined } from './guards.ts'
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
  const lists = new Map(listIn(read, 'access_lists').map(list => [Number(list['id']), list]))
  for (const [key, what] of Object.entries(others))
    for (const other of listIn(read, key)) lost.push(`${nameOf(other)}: ${what}`)
  return { routes: hosts.filter(isObject).flatMap(host => readHost(host, lists, lost)), lost }
}

/** What else an object may hold, and what became of it. */
const others: Readonly<Record<string, string>> = {
  redirection_hosts: 'a redirection host was not kept: write "redirects" on a route of that name',
  dead_hosts: 'a 404 host was left out: a host without a route gets 404',
  streams: 'a stream was not kept: this gateway carries HTTP and WebSockets',
}

function listIn(read: unknown, key: string): readonly Json[] {
  const list = isObject(read) ? read[key] : undefined
  return Array.isArray(list) ? list.filter(isObject) : []
}

function nameOf(host: Json): string {
  const [name] = Array.isArray(host['domain_names']) ? host['domain_names'] : [host['incoming_port']]
  return textOf(name) || `host ${textOf(host['id'])}`
}

type Lists = ReadonlyMap<number, Json>

function readHost(host: Json, lists: Lists, lost: string[]): ImportedRoute[] {
  const hosts = (Array.isArray(host['domain_names']) ? host['domain_names'] : [])
    .map(textOf)
    .filter(name => name !== '')
  const name = hosts[0] ?? `host ${textOf(host['id'])}`
  if (host['enabled'] === false || host['enabled'] === 0) {
    lost.push(`${name}: it is switched off, so it was left out`)
    return []
  }
  for (const sentence of lostOf(host)) lost.push(`${name}: ${sentence}`)
  const main = route(name, {
    hosts,
    upstreams: [addressOf(host)].filter(isAddress),
    ...guardOf(host, lists, sentence => lost.push(`${name}: ${sentence}`)),
  })
  const locations = (Array.isArray(host['locations']) ? host['locations'] : []).filter(isObject)
  const shut = { ...main, isShut: main.isShut || mayGuard(host) }
  return [shut, ...locations.map(location => readLocation(location, shut, lost))].map(verified)
}

/** An access list is a number here: who is on it stands beside, where the export has it. */
function guardOf(host: Json, lists: Lists, tell: (sentence: string) => void): Partial<ImportedRoute> {
  const hsts = isOn(host['hsts_enabled']) && isOn(host['ssl_forced'])
  const id = Number(host['access_list_id'] ?? 0)
  if (!(id > 0)) return { hsts }
  const own = host['access_list']
  const list = lists.get(id) ?? (isObject(own) && (own['items'] || own['clients']) ? own : undefined)
  if (list === undefined) {
    tell('its access list was not kept: export it as "access_lists" beside the hosts, or write "access" on the route')
    return { hsts, isShut: true }
  }
  return { hsts, ...guardOfList(list, tell) }
}

function guardOfList(list: Json, tell: (sentence: string) => void): Partial<ImportedRoute> {
  const items = listIn(list, 'items').map(item => [textOf(item['username']), hashOf(item)] as const)
  const clients = listIn(list, 'clients').map(each => [textOf(each['directive']), textOf(each['address'])] as const)
  if (items.length === 0 && clients.length === 0) return {}
  const lines = clients.length === 0 ? {} : guardOfLines([...clients, ['deny', 'all']])
  if (isOn(list['satisfy_any']) && items.length > 0 && clients.length > 0)
    tell('its access list let in whom either the address or the password allows: now both are asked for')
  if (isOn(list['pass_auth']) && items.length > 0) tell('the app no longer gets the password of its access list')
  return joined(lines, items.length === 0 ? {} : guardOfUsers(items, tell))
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
    ...guardIn(main),
    isShut: main.isShut || mayGuard(location),
    hsts: main.hsts,
    path: path.replace(/(.)\/+$/, '$1'),
    upstreams: [address].filter(isAddress),
    rewritePath: base === null ? null : base.replace(/(.)\/+$/, '$1'),
  })
}

/** Its interface hides the passwords, its database has them as they are: they are kept as hashes. */
function hashOf(item: Json): string {
  const password = textOf(item['password'])
  return password === '' ? textOf(item['hash']) : hashPasswordSync(password)
}

/** What may keep people out in lines of nginx that are not read: an include of a guard is the usual one. */
const GUARDS = /\b(?:deny|allow|auth_\w+|include|satisfy|if)\b|\breturn\s+4\d\d\b/

function mayGuard(of: Json): boolean {
  return GUARDS.test(textOf(of['advanced_config']).replaceAll(/#.*$/gm, ''))
}

function guardIn({ allow, deny, users, isShut }: ImportedRoute) {
  return { allow, deny, users, isShut }
}

function addressOf(of: Json): string {
  const host = textOf(of['forward_host'])
  return `${textOf(of['forward_scheme']) || 'http'}://${inBrackets(host)}:${textOf(of['forward_port'])}`
}

function isAddress(url: string): boolean {
  return /^https?:\/\/[^/:]+.*:\d+$/.test(url)
}

function lostOf(host: Json): string[] {
  const found: [boolean, string][] = [
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
