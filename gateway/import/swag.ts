/**
 * SWAG and other nginx files with `server` blocks: `proxy_pass` with or without the variables that SWAG's files build it of.
 */
import { parseBlocks, type Statement } from './blocks.ts'
import { guardOfLines, guardOfUsers, htpasswdEntries, isUnder, joined, NOBODY } from './guards.ts'
import { type Imported, type ImportedRoute, type ReadNamed, route } from './types.ts'

type Variables = ReadonlyMap<string, string>

/** What the gateway does by itself, or what belongs to the listener. */
const needless =
  /^(?:listen|server_name|set|include|resolver|proxy_(?:http_version|buffering|set_header|redirect|pass|request_buffering|read_timeout|send_timeout|connect_timeout|ssl_verify)|client_max_body_size|ssl_.*|http2|access_log|error_log|location|root|index|charset|return|rewrite|allow|deny|satisfy|auth_basic|auth_basic_user_file)$/

/** What keeps people out, in SWAG's own files mostly as an include of the server that knows them. */
const GUARDS = /^(?:auth_request|auth_jwt|secure_link)$/
const GUARD_FILES = /\/(?:authelia|authentik|tinyauth|ldap|auth)[\w-]*\.conf$/

function isGuard({ words: [first = '', second = ''], block }: Statement): boolean {
  if (first === 'if') return block?.some(isRefusal) === true
  return GUARDS.test(first) || (first === 'include' && GUARD_FILES.test(second))
}

export function importSwag(text: string, _file = '', readNamed: ReadNamed = () => null): Imported {
  const lost: string[] = []
  const statements = parseBlocks(text, { byLine: false })
  const http = statements.filter(({ words }) => words[0] === 'http').flatMap(({ block }) => block ?? [])
  // What holds for all servers of the file is not followed into each.
  const above = http.filter(each => each.words[0] !== 'server' && isAnyGuard(each)).slice(0, 1)
  const shut = above.map(each => ({ ...each, words: ['auth_request'] }))
  const servers = [...statements, ...http].filter(({ words, block }) => words[0] === 'server' && block !== null)
  const loose = statements.filter(({ words }) => words[0] === 'location')
  if (servers.length === 0 && loose.length === 0) lost.push('no server block was found')
  const routes = servers.flatMap(({ block }) => readServer([...shut, ...(block ?? [])], { lost, readNamed }))
  const parts = loose.length > 0 ? readServer(loose, { lost, readNamed }) : []
  return { routes: [...routes, ...parts], lost }
}

function readServer(block: readonly Statement[], { lost, readNamed }: Reading): ImportedRoute[] {
  const names = block.filter(({ words }) => words[0] === 'server_name').flatMap(({ words }) => words.slice(1))
  const hosts = names.map(hostOf).filter(host => host !== null)
  for (const name of names.filter(each => /^[\w-]+\.\*$/.test(each)))
    lost.push(`${name}: taken for ${hostOf(name)}, put the name of your domain there`)
  if (hosts.length < names.length) lost.push(`${names.join(' ')}: a name with a pattern was not kept`)
  const locations = block.filter(({ words, block: inner }) => words[0] === 'location' && inner !== null)
  const routes = locations.flatMap(location =>
    readLocation(location, hosts.length === 0 ? ['*'] : hosts, { block, lost, readNamed }),
  )
  const refusals = locations.map(refusalOf)
  const isShut = refusals.some(each => each.isShut === true)
  return routes.map(each => {
    const own = refusals
      .flatMap(({ paths = {} }) => Object.entries(paths))
      .filter(([path]) => !isUnder(each.path, path))
    return { ...each, isShut: each.isShut || isShut, paths: Object.fromEntries(own) }
  })
}

/** A location that is no route: where it keeps people out, the routes around it must not let them in. */
function refusalOf({ words, block }: Statement): Partial<ImportedRoute> {
  const statements = block ?? []
  const [, modifier = '/', pattern] = words
  const isPrefix = pattern === undefined || modifier === '^~' || modifier === '='
  if (isPrefix && statements.some(each => each.words[0] === 'proxy_pass')) return {}
  const isRefused = statements.some(isRefusal)
  if (!isPrefix) return { isShut: !DOTFILES.test(pattern) && (isRefused || statements.some(isAnyGuard)) }
  return isRefused ? { paths: { [modifier === '=' ? (pattern ?? '/') : `${pattern ?? modifier}*`]: NOBODY } } : {}
}

/** Files of the web server itself, which an app behind it has none of. */
const DOTFILES = /^\(?\^?\/\\\./

function isRefusal({ words: [first = '', second = ''] }: Statement): boolean {
  return (first === 'deny' && second === 'all') || (first === 'return' && /^4\d\d$/.test(second))
}

function isAnyGuard(statement: Statement): boolean {
  return isGuard(statement) || ['allow', 'deny', 'auth_basic'].includes(statement.words[0] ?? '')
}

/** SWAG writes `cloud.*` for every domain; here a name is whole or begins with `*.`. */
function hostOf(name: string): string | null {
  if (name === '_') return '*'
  if (/^[\w-]+\.\*$/.test(name)) return name.replace('.*', '.home.arpa')
  return name.startsWith('~') || name.slice(1).includes('*') ? null : name
}

interface Reading {
  readonly lost: string[]
  readonly readNamed: ReadNamed
}

interface Around extends Reading {
  readonly block: readonly Statement[]
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
      ...guardOf(statements, around, at),
      verify: !origin.startsWith('https:') || own('proxy_ssl_verify') === 'on',
    }),
  ]
}

/** What a location says itself takes the place of what the server says, as nginx has it. */
function guardOf(
  own: readonly Statement[],
  { block, readNamed }: Around,
  at: (text: string) => void,
): Partial<ImportedRoute> {
  const nearest = (...names: readonly string[]) => {
    const here = own.filter(({ words: [first = ''] }) => names.includes(first))
    return here.length > 0 ? here : block.filter(({ words: [first = ''] }) => names.includes(first))
  }
  const lines = nearest('allow', 'deny').map(({ words: [name = '', address = ''] }) => [name, address] as const)
  const shut = { isShut: [...block, ...own].some(isGuard) }
  const realm = nearest('auth_basic')[0]?.words[1] ?? 'off'
  if (nearest('satisfy')[0]?.words[1] === 'any' && lines.length > 0 && realm !== 'off')
    at('"satisfy any" let in by address or password: now both are asked for')
  const file = nearest('auth_basic_user_file')[0]?.words[1] ?? ''
  const read = realm === 'off' ? null : (readNamed(file) ?? '')
  if (read === '') at(`the passwords in ${file} were not kept: put that file beside the imported one`)
  const users = read === null ? {} : guardOfUsers(htpasswdEntries(read.split('\n')), at)
  return [guardOfLines(lines), users].reduce(joined, shut)
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
