/**
 * Caddyfiles: sites with `reverse_proxy`, `handle`, `handle_path`, `route`, `redir`-free matchers by path, `header`,
 * `request_body`, `forward_auth`. Snippets are put in where they are imported.
 */
import { parseBlocks, type Statement } from './blocks.ts'
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
    return readBlock(block ?? [], { site, path: '/', isStripped: false, shared: {} })
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
  readonly shared: Partial<ImportedRoute>
}

function readBlock(block: readonly Statement[], place: Place): ImportedRoute[] {
  const { site } = place
  const statements = block.flatMap(statement => imported(statement, site))
  const matchers = new Map<string, string>()
  let shared = place.shared
  for (const statement of statements) {
    const [first = '', kind, path] = statement.words
    const inner = statement.block?.find(({ words }) => words[0] === 'path')?.words[1]
    if (first.startsWith('@')) matchers.set(first, (kind === 'path' ? path : inner) ?? '')
    else shared = { ...shared, ...sharedOf(statement, shared) }
  }
  return statements.flatMap(statement => readDirective(statement, matchers, { ...place, shared }))
}

function imported(statement: Statement, site: Site): readonly Statement[] {
  const [first, name = ''] = statement.words
  if (first !== 'import') return [statement]
  const snippet = site.snippets.get(name)
  if (snippet === undefined || ++site.imports > MAX_IMPORTS) {
    site.lost.push(`line ${statement.line}: import ${name} was not read`)
    return []
  }
  return snippet.flatMap(each => imported(each, site))
}

function sharedOf({ words, block }: Statement, before: Partial<ImportedRoute>): Partial<ImportedRoute> {
  const [first, second = '', third = ''] = words
  const size = block?.find(inner => inner.words[0] === 'max_size')?.words[1]
  if (first === 'request_body' && size !== undefined) return { bodySize: size.replace(/^(\d+)$/, '$1B') }
  if (first !== 'header') return first === 'forward_auth' ? forwardAuth(second, block) : {}
  const lines = block === null ? [[second, third]] : block.map(inner => [inner.words[0] ?? '', inner.words[1] ?? ''])
  const kept = lines.filter(([name = '', value = '']) => /^[A-Za-z][\w-]*$/.test(name) && value !== '')
  return { answerHeaders: { ...before.answerHeaders, ...Object.fromEntries(kept) } }
}

function forwardAuth(upstream: string, block: readonly Statement[] | null): Partial<ImportedRoute> {
  const uri = block?.find(({ words }) => words[0] === 'uri')?.words[1] ?? ''
  const headers = block?.find(({ words }) => words[0] === 'copy_headers')?.words.slice(1) ?? []
  return { forwardAuth: { url: `${addressOf(upstream)}${uri}`, headers } }
}

const known = new Set(['header', 'request_body', 'forward_auth'])

function readDirective(statement: Statement, matchers: ReadonlyMap<string, string>, place: Place): ImportedRoute[] {
  const { words, block, line } = statement
  const [first = '', second = ''] = words
  const at = (text: string) => place.site.lost.push(`line ${line}: ${text}`)
  if (first === 'reverse_proxy') return readProxy(statement, matchers, place, at)
  if (['handle', 'handle_path', 'route'].includes(first) && block !== null) {
    const path = second === '' ? place.path : pathOf(second, matchers)
    if (path === null) at(`the matcher ${second} of ${first} asks for more than a path`)
    return path === null ? [] : readBlock(block, { ...place, path, isStripped: first === 'handle_path' })
  }
  if (!first.startsWith('@') && !known.has(first) && !needless.has(first)) at(`${first} was not kept`)
  if (first === 'basic_auth' || first === 'basicauth') at('passwords have to be set anew with `hearthgate password`')
  return []
}

function readProxy(
  { words, block }: Statement,
  matchers: ReadonlyMap<string, string>,
  { site, path, isStripped, shared }: Place,
  at: (text: string) => void,
): ImportedRoute[] {
  const [, second = '', ...rest] = words
  const isMatcher = /^[@/*]/.test(second)
  const own = isMatcher ? pathOf(second, matchers) : path
  if (own === null) {
    at(`the matcher ${second} of reverse_proxy asks for more than a path`)
    return []
  }
  const inBlock = block?.filter(inner => inner.words[0] === 'to').flatMap(inner => inner.words.slice(1)) ?? []
  const upstreams = [...(isMatcher ? rest : [second, ...rest]), ...inBlock].filter(word => word !== '').map(addressOf)
  const made = route(own === '/' ? (site.hosts[0] ?? '*') : `${site.hosts[0]} ${own}`, {
    ...shared,
    ...proxyOptions(block ?? [], at),
    hosts: site.hosts,
    path: own,
    upstreams,
    rewritePath: isStripped && own !== '/' ? '/' : null,
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

/** A path prefix of ours, or null where the matcher asks for more. */
function pathOf(matcher: string, matchers: ReadonlyMap<string, string>): string | null {
  const text = matcher.startsWith('@') ? (matchers.get(matcher) ?? '') : matcher
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
