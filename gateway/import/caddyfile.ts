/**
 * Caddyfiles: sites with `reverse_proxy`, `handle`, `handle_path`, `route`, `redir` of single paths, `header`, `request_body`,
 * `forward_auth`, matchers by path, host and address. Snippets are put in where they are imported.
 */
import { parseBlocks, type Statement } from './blocks.ts'
import { type Matcher, type Matchers, readMatcher } from './caddy-matchers.ts'
import { type Imported, type ImportedRoute, route } from './types.ts'

/** Directives that mean here what the gateway does by itself. */
const needless = new Set(['encode', 'log', 'tls', 'file_server', 'root', 'bind'])
const MAX_IMPORTS = 100

interface Site {
  readonly hosts: readonly string[]
  readonly lost: string[]
  readonly snippets: ReadonlyMap<string, readonly Statement[]>
  imports: number
}

export function importCaddyfile(text: string): Imported {
  const statements = parseBlocks(text, { byLine: true })
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
    const site: Site = { hosts, lost, snippets, imports: 0 }
    return readBlock(block ?? [], { site, path: '/', isStripped: false, matchers: new Map(), shared: {} })
  })
  return { routes, lost }
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
  for (const statement of statements) shared = { ...shared, ...sharedOf(statement, { matchers, shared }) }
  return statements.flatMap(statement => readDirective(statement, { ...place, matchers, shared }))
}

function imported(statement: Statement, site: Site): readonly Statement[] {
  const [first, name = ''] = statement.words
  if (first !== 'import') return [statement]
  const snippet = site.snippets.get(name)
  if (snippet === undefined || ++site.imports > MAX_IMPORTS) {
    site.lost.push(`line ${statement.line}: import ${name} was not read`)
    return [statement]
  }
  return snippet.flatMap(each => imported(each, site))
}

function sharedOf(
  statement: Statement,
  { matchers, shared: before }: Pick<Place, 'matchers' | 'shared'>,
): Partial<ImportedRoute> {
  const { words, block } = statement
  const [first = '', second = '', third = ''] = words
  if (guards.has(first)) return guardOf(words, matchers)
  if (isRedirect(statement)) return { redirects: { ...before.redirects, [second]: third } }
  const size = block?.find(inner => inner.words[0] === 'max_size')?.words[1]
  if (first === 'request_body' && size !== undefined) return { bodySize: size.replace(/^(\d+)$/, '$1B') }
  if (first !== 'header') return first === 'forward_auth' ? forwardAuth(second, block) : {}
  const lines = block === null ? [[second, third]] : block.map(inner => [inner.words[0] ?? '', inner.words[1] ?? ''])
  const kept = lines.filter(([name = '', value = '']) => /^[A-Za-z][\w-]*$/.test(name) && value !== '')
  return { answerHeaders: { ...before.answerHeaders, ...Object.fromEntries(kept) } }
}

/** What keeps people out: whoever is not in a list of addresses, or in a way that is not known here, as in another file. */
const guards = new Set(['abort', 'authenticate', 'authorize', 'basic_auth', 'basicauth', 'error', 'import', 'respond'])

function guardOf([, second = '', third = '']: readonly string[], matchers: Matchers): Partial<ImportedRoute> {
  const { notFrom = [] } = matchers.get(second) ?? {}
  if (notFrom.length > 0) return { allow: notFrom }
  // An answer of Caddy's own to one path keeps nobody out.
  return [second, third].some(word => /^2\d\d$/.test(word)) ? {} : { isShut: true }
}

/** From one path to one address, without placeholders. */
function isRedirect({ words: [first, from = '', to = ''] }: Statement): boolean {
  return first === 'redir' && /^\/[^*{]*$/.test(from) && /^(?:\/|https?:\/\/)[^{]*$/.test(to)
}

function isKept({ words: [first = '', second = ''] }: Statement, matchers: Matchers): boolean {
  return guards.has(first) && (matchers.get(second)?.notFrom.length ?? 0) > 0
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
    return inner === null ? [] : readBlock(block, { ...inner, isStripped: first === 'handle_path' })
  }
  const isNothing = isKept(statement, matchers) || isRedirect(statement) || needless.has(first)
  if (!first.startsWith('@') && !known.has(first) && !isNothing) at(`${first} was not kept`)
  if (first === 'basic_auth' || first === 'basicauth') at('passwords have to be set anew with `hearthgate password`')
  return []
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
  const matcher = text.startsWith('@') ? place.matchers.get(text) : { path: text, hosts: [], isMore: false }
  if (matcher === undefined || matcher.isMore) return null
  const path = matcher.path === null ? place.path : prefixOf(matcher.path)
  const site = matcher.hosts.length === 0 ? place.site : { ...place.site, hosts: matcher.hosts.map(hostOf) }
  return path === null ? null : { ...place, path, site }
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
