/**
 * Caddyfiles: sites with `reverse_proxy`, `handle`, `handle_path`, `route`, `redir` of single paths, `header`, `request_body`,
 * `forward_auth`, matchers by path, host and address. Snippets are put in where they are imported.
 */
import { parseBlocks, type Statement } from './blocks.ts'
import { type Matcher, type Matchers, readMatcher } from './caddy-matchers.ts'
import { guardOfUsers, isUnder, joined, NOBODY } from './guards.ts'
import { type Imported, type ImportedRoute, route } from './types.ts'

/** Directives that mean here what the gateway does by itself. */
const needless = new Set(['encode', 'log', 'tls', 'file_server', 'root', 'bind'])
const MAX_IMPORTS = 100

interface Site {
  readonly hosts: readonly string[]
  readonly lost: string[]
  readonly snippets: ReadonlyMap<string, readonly Statement[]>
  /** Paths of blocks that lead to nothing that is proxied. */
  readonly closed: string[]
  imports: number
}

export function importCaddyfile(text: string): Imported {
  const statements = inBlocks(parseBlocks(withDefaults(text), { byLine: true }))
  const snippets = new Map<string, readonly Statement[]>()
  const lost: string[] = []
  for (const { words, block } of statements) {
    const name = /^\((.+)\)$/.exec(words[0] ?? '')?.[1]
    if (name !== undefined && block !== null) snippets.set(name, block)
  }
  const sites = statements.filter(
    ({ words, block }) => block !== null && words.length > 0 && !words[0]?.startsWith('('),
  )
  if (statements.some(({ words, block }) => block !== null && words.length === 0))
    lost.push('the global options were not kept: certificates and ports belong into "listen"')
  const routes = sites.flatMap(({ words, block }) => {
    const hosts = words
      .flatMap(word => word.split(','))
      .filter(word => word !== '')
      .map(hostOf)
    const site: Site = { hosts, lost, snippets, closed: [], imports: 0 }
    const made = readBlock(block ?? [], { site, path: '/', isStripped: false, matchers: new Map(), shared: {} })
    return made.map(each => without(each, site.closed))
  })
  return { routes, lost }
}

function without(route: ImportedRoute, patterns: readonly string[]): ImportedRoute {
  const own = patterns.filter(pattern => !isUnder(route.path, pattern))
  return { ...route, paths: { ...route.paths, ...Object.fromEntries(own.map(pattern => [pattern, NOBODY])) } }
}

/** Caddy puts these in before it reads the file; without a default they are told where they stand. */
function withDefaults(text: string): string {
  return text.replaceAll(/\{\$\w+:([^{}\n]*)\}/g, '$1')
}

/** A file of one site needs no braces: its first line is the address, the others are the site. */
function inBlocks(statements: readonly Statement[]): readonly Statement[] {
  const at = statements.findIndex(({ words }) => words.length > 0 && !words[0]?.startsWith('('))
  const site = statements[at]
  if (site === undefined || site.block !== null) return statements
  return [...statements.slice(0, at), { ...site, block: statements.slice(at + 1) }]
}

/** `https://wiki.home.arpa:8443` is a site of `wiki.home.arpa`; `:80` is every host. */
function hostOf(address: string): string {
  const bare = address
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .replace(/:\d+$/, '')
  return bare === '' || bare === '*' ? '*' : bare.toLowerCase()
}

interface Place {
  readonly site: Site
  readonly path: string
  readonly isStripped: boolean
  readonly matchers: Matchers
  readonly shared: Partial<ImportedRoute>
}

function readBlock(block: readonly Statement[], place: Place): ImportedRoute[] {
  const { site } = place
  const statements = block.flatMap(statement => imported(statement, site))
  const matchers = new Map<string, Matcher>(place.matchers)
  for (const { words, block: inner } of statements)
    if (words[0]?.startsWith('@')) matchers.set(words[0], readMatcher(words.slice(1), inner))
  let shared = place.shared
  for (const statement of statements) shared = joined(shared, sharedOf(statement, { site, matchers, shared }))
  return statements.flatMap(statement => readDirective(statement, { ...place, matchers, shared }))
}

function imported(statement: Statement, site: Site): readonly Statement[] {
  const [first, name = '', ...args] = statement.words
  if (first !== 'import') return [statement]
  const snippet = site.snippets.get(name)
  if (snippet === undefined || ++site.imports > MAX_IMPORTS) {
    site.lost.push(`line ${statement.line}: import ${name} was not read`)
    return [statement]
  }
  return snippet.flatMap(each => imported(withArguments(each, args), site))
}

/** `{args[0]}`, or `{args.0}` as it was written once. */
function withArguments({ words, block, line }: Statement, args: readonly string[]): Statement {
  return {
    line,
    words: words.map(word =>
      word.replaceAll(/\{args(?:\.(\d+)|\[(\d+)\])\}/g, (whole, a, b) => args[Number(a ?? b)] ?? whole),
    ),
    block: block?.map(each => withArguments(each, args)) ?? null,
  }
}

function sharedOf(
  statement: Statement,
  { site, matchers, shared: before }: Pick<Place, 'site' | 'matchers' | 'shared'>,
): Partial<ImportedRoute> {
  const { words, block, line } = statement
  const [first = '', second = '', third = ''] = words
  if (passwords.has(first) && block !== null)
    return guardOfUsers(
      block.map(({ words: [name = '', hash = ''] }) => [name, hash]),
      text => site.lost.push(`line ${line}: ${text}`),
    )
  if (guards.has(first)) return guardOf(words, matchers)
  if (isRedirect(statement)) return { redirects: { ...before.redirects, [second]: third } }
  const size = block?.find(inner => inner.words[0] === 'max_size')?.words[1]
  if (first === 'request_body' && size !== undefined) return { bodySize: size.replace(/^(\d+)$/, '$1B') }
  if (first !== 'header') return first === 'forward_auth' ? forwardAuth(second, block) : {}
  const lines = block === null ? [[second, third]] : block.map(inner => [inner.words[0] ?? '', inner.words[1] ?? ''])
  const kept = lines.filter(([name = '', value = '']) => /^[A-Za-z][\w-]*$/.test(name) && value !== '')
  return { answerHeaders: { ...before.answerHeaders, ...Object.fromEntries(kept) } }
}

const passwords = new Set(['basic_auth', 'basicauth'])

/** What keeps people out: whoever is not in a list of addresses, or in a way that is not known here, as in another file. */
const guards = new Set(['abort', 'authenticate', 'authorize', 'basic_auth', 'basicauth', 'error', 'import', 'respond'])

function guardOf(words: readonly string[], matchers: Matchers): Partial<ImportedRoute> {
  const [first = '', second = ''] = words
  // An answer of Caddy's own to one path keeps nobody out.
  if (first === 'respond' && !words.some(word => /^[345]\d\d$/.test(word)))
    return /^[@/]/.test(second) ? {} : { isShut: true }
  const matcher = second.startsWith('/') ? onlyPath(second) : matchers.get(second)
  const isPlain = matcher !== undefined && !matcher.isMore && matcher.hosts.length === 0
  if (isPlain && matcher.from.length > 0 && matcher.paths.length === 0) return { deny: matcher.from }
  if (!isPlain || matcher.from.length > 0) return { isShut: true }
  if (matcher.paths.length === 0) return { allow: matcher.notFrom }
  const lists = matcher.notFrom.length === 0 ? NOBODY : { allow: matcher.notFrom, deny: [] }
  return { paths: Object.fromEntries(matcher.paths.map(path => [patternOf(path), lists])) }
}

function onlyPath(path: string): Matcher {
  return { paths: [path], hosts: [], from: [], notFrom: [], isMore: false }
}

/** Caddy's `*.php` stands for the end of any path. */
function patternOf(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

/** From one path to one address, without placeholders. */
function isRedirect({ words: [first, from = '', to = ''] }: Statement): boolean {
  return first === 'redir' && /^\/[^*{]*$/.test(from) && /^(?:\/|https?:\/\/)[^{]*$/.test(to)
}

function isKept({ words }: Statement, matchers: Matchers): boolean {
  return guards.has(words[0] ?? '') && guardOf(words, matchers).isShut !== true
}

function forwardAuth(upstream: string, block: readonly Statement[] | null): Partial<ImportedRoute> {
  const uri = block?.find(({ words }) => words[0] === 'uri')?.words[1] ?? ''
  const headers = block?.find(({ words }) => words[0] === 'copy_headers')?.words.slice(1) ?? []
  return { forwardAuth: { url: `${addressOf(upstream)}${uri}`, headers } }
}

const known = new Set(['header', 'import', 'request_body', 'forward_auth'])

function readDirective(statement: Statement, place: Place): ImportedRoute[] {
  const { words, block, line } = statement
  const { matchers } = place
  const [first = '', second = ''] = words
  const at = (text: string) => place.site.lost.push(`line ${line}: ${text}`)
  if (first === 'reverse_proxy') return readProxy(statement, place, at)
  if (['handle', 'handle_path', 'route'].includes(first) && block !== null) {
    const inner = second === '' ? place : placeOf(second, place)
    if (inner === null) at(`the matcher ${second} of ${first} asks for more than a path or a host`)
    const made = inner === null ? [] : readBlock(block, { ...inner, isStripped: first === 'handle_path' })
    for (const pattern of patternsOf(second, matchers))
      if (!made.some(({ path }) => isUnder(pattern.replace(/\/?\*$/, '') || '/', path))) place.site.closed.push(pattern)
    return made
  }
  if (passwords.has(first) && /^[@/]/.test(second))
    at(`the passwords of ${second} are asked for at all addresses around it; "bypass" opens paths`)
  const isNothing = isKept(statement, matchers) || isRedirect(statement) || needless.has(first) || passwords.has(first)
  if (!first.startsWith('@') && !known.has(first) && !isNothing) at(`${first} was not kept`)
  return []
}

/** What a block of its own is for. Where none of it is proxied, the routes around it must not have its paths. */
function patternsOf(second: string, matchers: Matchers): readonly string[] {
  if (second.startsWith('/')) return [second]
  return (matchers.get(second)?.paths ?? []).map(patternOf)
}

function readProxy({ words, block }: Statement, place: Place, at: (text: string) => void): ImportedRoute[] {
  const [, second = '', ...rest] = words
  const isMatcher = /^[@/*]/.test(second)
  const own = isMatcher ? placeOf(second, place) : place
  if (own === null) {
    at(`the matcher ${second} of reverse_proxy asks for more than a path or a host`)
    return []
  }
  const { site, path, isStripped, shared } = own
  const inBlock = block?.filter(inner => inner.words[0] === 'to').flatMap(inner => inner.words.slice(1)) ?? []
  const upstreams = [...(isMatcher ? rest : [second, ...rest]), ...inBlock].filter(word => word !== '').map(addressOf)
  const made = route(path === '/' ? (site.hosts[0] ?? '*') : `${site.hosts[0]} ${path}`, {
    ...shared,
    redirects: path === '/' ? (shared.redirects ?? {}) : {},
    ...proxyOptions(block ?? [], at),
    hosts: site.hosts,
    path,
    upstreams,
    rewritePath: isStripped && path !== '/' ? '/' : null,
  })
  return [made]
}

function proxyOptions(block: readonly Statement[], at: (text: string) => void): Partial<ImportedRoute> {
  const requestHeaders: Record<string, string> = {}
  let hostRule: ImportedRoute['hostRule'] = null
  let verify = true
  for (const { words, block: inner } of block) {
    const [first = '', name = '', value = ''] = words
    if (first === 'header_up' && /^host$/i.test(name)) hostRule = 'upstream'
    else if (first === 'header_up' && /^[A-Za-z]/.test(name) && !value.includes('{') && value !== '')
      requestHeaders[name] = value
    else if (first === 'header_up' && /^[A-Za-z]/.test(name)) continue
    else if (first === 'transport' && inner?.some(each => each.words[0] === 'tls_insecure_skip_verify')) verify = false
    else if (!['to', 'transport', 'flush_interval'].includes(first)) at(`${first} of reverse_proxy was not kept`)
  }
  return { requestHeaders, hostRule, verify }
}

/** The part of a place that a matcher means, or null where it asks for more than a path prefix or hosts of ours. */
function placeOf(text: string, place: Place): Place | null {
  if (text === '*') return place
  const matcher = text.startsWith('@') ? place.matchers.get(text) : onlyPath(text)
  if (matcher === undefined || matcher.isMore || matcher.notFrom.length > 0 || matcher.paths.length > 1) return null
  const [own] = matcher.paths
  const path = own === undefined ? place.path : prefixOf(own)
  const site = matcher.hosts.length === 0 ? place.site : { ...place.site, hosts: matcher.hosts.map(hostOf) }
  const shared = matcher.from.length === 0 ? place.shared : joined(place.shared, { allow: matcher.from })
  return path === null ? null : { ...place, path, site, shared }
}

function prefixOf(text: string): string | null {
  if (text === '*') return '/'
  const path = text.replace(/\/?\*$/, '')
  return text.startsWith('/') && !path.includes('*') ? path.replace(/(.)\/+$/, '$1') || '/' : null
}

function addressOf(upstream: string): string {
  const unix = /^unix\/+(.+)$/.exec(upstream)?.[1]
  if (unix !== undefined) return `unix:/${unix}`
  const url = /^\w+:\/\//.test(upstream)
    ? upstream
    : `http://${upstream.startsWith(':') ? `127.0.0.1${upstream}` : upstream}`
  return url.replace(/\/+$/, '')
}
