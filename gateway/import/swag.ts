/**
 * SWAG and other nginx files with `server` blocks: `proxy_pass` with or without the variables that SWAG's files build it of.
 */
import { parseBlocks, type Statement } from './blocks.ts'
import { type Imported, type ImportedRoute, route } from './types.ts'

type Variables = ReadonlyMap<string, string>

/** What the gateway does by itself, or what belongs to the listener. */
const needless =
  /^(?:listen|server_name|set|include|resolver|proxy_(?:http_version|buffering|set_header|redirect|pass|request_buffering|read_timeout|send_timeout|connect_timeout|ssl_verify)|client_max_body_size|ssl_.*|http2|access_log|error_log|location|root|index|charset|return|rewrite)$/

/** What keeps people out, in SWAG's own files mostly as an include of the server that knows them. */
const GUARDS = /^(?:auth_basic|auth_request|allow|deny|satisfy)$/
const GUARD_FILES = /\/(?:authelia|authentik|tinyauth|ldap|auth)[\w-]*\.conf$/

function isGuard({ words: [first = '', second = ''] }: Statement): boolean {
  return GUARDS.test(first) || (first === 'include' && GUARD_FILES.test(second))
}

export function importSwag(text: string): Imported {
  const lost: string[] = []
  const statements = parseBlocks(text, { byLine: false })
  const http = statements.filter(({ words }) => words[0] === 'http').flatMap(({ block }) => block ?? [])
  const servers = [...statements, ...http].filter(({ words, block }) => words[0] === 'server' && block !== null)
  const loose = statements.filter(({ words }) => words[0] === 'location')
  if (servers.length === 0 && loose.length === 0) lost.push('no server block was found')
  const routes = servers.flatMap(({ block }) => readServer(block ?? [], lost))
  const parts = loose.length > 0 ? readServer(loose, lost) : []
  return { routes: [...routes, ...parts], lost }
}

function readServer(block: readonly Statement[], lost: string[]): ImportedRoute[] {
  const names = block.filter(({ words }) => words[0] === 'server_name').flatMap(({ words }) => words.slice(1))
  const hosts = names.map(hostOf).filter(host => host !== null)
  for (const name of names.filter(each => /^[\w-]+\.\*$/.test(each)))
    lost.push(`${name}: taken for ${hostOf(name)}, put the name of your domain there`)
  if (hosts.length < names.length) lost.push(`${names.join(' ')}: a name with a pattern was not kept`)
  const locations = block.filter(({ words, block: inner }) => words[0] === 'location' && inner !== null)
  return locations.flatMap(location => readLocation(location, hosts.length === 0 ? ['*'] : hosts, { block, lost }))
}

/** SWAG writes `cloud.*` for every domain; here a name is whole or begins with `*.`. */
function hostOf(name: string): string | null {
  if (name === '_') return '*'
  if (/^[\w-]+\.\*$/.test(name)) return name.replace('.*', '.home.arpa')
  return name.startsWith('~') || name.slice(1).includes('*') ? null : name
}

interface Around {
  readonly block: readonly Statement[]
  readonly lost: string[]
}

function readLocation({ words, block, line }: Statement, hosts: readonly string[], around: Around): ImportedRoute[] {
  const statements = block ?? []
  const pass = statements.find(each => each.words[0] === 'proxy_pass')
  const [, modifier = '/', pattern] = words
  const path = pattern ?? modifier
  if (pass === undefined) return []
  const at = (text: string) => around.lost.push(`line ${line}, location ${path}: ${text}`)
  if (pattern !== undefined && modifier !== '^~' && modifier !== '=') {
    at('a location by pattern was not kept; the route of the whole host has it')
    return []
  }
  const variables = new Map([...around.block, ...statements].filter(isSet).map(variableOf))
  const url = expand(pass.words[1] ?? '', variables)
  const [, origin, rest = ''] = /^(https?:\/\/[^/]+|http:\/\/unix:[^:]+)(.*)$/.exec(url) ?? []
  if (origin === undefined || origin.includes('$')) {
    at(`proxy_pass ${url} could not be read`)
    return []
  }
  for (const {
    words: [first = ''],
  } of statements)
    if (!needless.test(first)) at(`${first} was not kept`)
  if (statements.some(each => each.words[0] === 'rewrite')) at('its rewrite was not kept: write "rewrite_path"')
  const own = (name: string) => [...around.block, ...statements].findLast(each => each.words[0] === name)?.words[1]
  const clean = path.replace(/(.)\/+$/, '$1')
  return [
    route(clean === '/' ? (hosts[0] ?? '*') : `${hosts[0]} ${clean}`, {
      hosts,
      path: clean,
      upstreams: [origin],
      rewritePath: rest === '' || clean === '/' ? null : rest.replace(/(.)\/+$/, '$1'),
      bodySize: sizeOf(own('client_max_body_size')),
      responseTimeout: timeOf(own('proxy_read_timeout')),
      isShut: [...around.block, ...statements].some(isGuard),
      verify: !origin.startsWith('https:') || own('proxy_ssl_verify') === 'on',
    }),
  ]
}

const isSet = ({ words }: Statement): boolean => words[0] === 'set'
const variableOf = ({ words }: Statement): [string, string] => [(words[1] ?? '').replace('$', ''), words[2] ?? '']

function expand(text: string, variables: Variables): string {
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => variables.get(name) ?? whole)
}

/** nginx: 0 = no limit, k, m and g are powers of 1024. */
function sizeOf(text: string | undefined): string | null {
  const [, number, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text ?? '') ?? []
  if (number === undefined) return null
  // No limit is what a route has anyway.
  return number === '0' ? null : `${number}${unit === '' ? 'B' : `${unit.toUpperCase()}iB`}`
}

function timeOf(text: string | undefined): string | null {
  const [, number, unit = 's'] = /^(\d+)(ms|s|m|h|d)?$/.exec(text ?? '') ?? []
  return number === undefined || number === '0' ? null : `${number}${unit}`
}
