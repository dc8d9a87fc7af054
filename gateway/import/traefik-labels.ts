/**
 * Traefik's labels in a compose file, as a list or as a mapping: routers with Host, PathPrefix and what is joined by `&&` and
 * `||`, ports of services, middlewares that strip a prefix, ask another server or set fields.
 */
import { parse } from 'yaml'
import { type Entry, guardOfUsers, htpasswdEntries, joined } from './guards.ts'
import { type Imported, type ImportedRoute, type ReadNamed, route } from './types.ts'

type Labels = ReadonlyMap<string, string>
type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

export function importTraefik(text: string, _file = '', readNamed: ReadNamed = () => null): Imported {
  let read: unknown
  try {
    read = parse(text, { maxAliasCount: 100 })
  } catch (error) {
    return { routes: [], lost: [`not YAML: ${(error as Error).message.split('\n', 1)[0]}`] }
  }
  const services = isObject(read) && isObject(read['services']) ? read['services'] : {}
  const lost: string[] = []
  const labelled = Object.entries(services).map(([name, of]) => [name, labelsOf(of)] as const)
  // Middlewares may be declared at one service and used at another.
  const all: Labels = new Map(labelled.flatMap(([, labels]) => [...labels]))
  const routes = labelled.flatMap(([name, labels]) => readService(name, labels, { all, lost, readNamed }))
  if (routes.length === 0) lost.push('no router was found: labels begin with traefik.http.routers')
  return { routes, lost }
}

function labelsOf(service: unknown): Labels {
  const { labels: own, deploy } = isObject(service) ? service : {}
  // In a swarm they stand with the service, not with its containers.
  const labels = own ?? (isObject(deploy) ? deploy['labels'] : undefined)
  const pairs = Array.isArray(labels)
    ? labels.map(label => [String(label).split('=', 1)[0] ?? '', String(label).slice(String(label).indexOf('=') + 1)])
    : Object.entries(isObject(labels) ? labels : {}).map(([name, value]) => [name, String(value)])
  return new Map(pairs.map(([name = '', value = '']) => [name.toLowerCase(), value.replaceAll('$$', '$')]))
}

interface Around {
  readonly all: Labels
  readonly lost: string[]
  readonly readNamed: ReadNamed
}

function readService(service: string, labels: Labels, around: Around): ImportedRoute[] {
  if (labels.get('traefik.enable') === 'false') return []
  const names = new Set([...labels.keys()].map(name => /^traefik\.http\.routers\.([^.]+)\./.exec(name)?.[1] ?? ''))
  names.delete('')
  return [...names].flatMap(router => readRouter(router, { service, labels, ...around }))
}

interface Router extends Around {
  readonly service: string
  readonly labels: Labels
}

function readRouter(name: string, { service, labels, ...around }: Router): ImportedRoute[] {
  const { lost } = around
  const of = (key: string) => labels.get(`traefik.http.routers.${name}.${key}`)
  const rule = of('rule') ?? ''
  const hosts = valuesOf(rule, 'Host')
  const paths = valuesOf(rule, 'PathPrefix')
  const rest = rule.replaceAll(/(?:Host|PathPrefix)\([^)]*\)|&&|\|\||[()\s]/g, '')
  if (rest !== '') lost.push(`${name}: the rule ${rule} asks for more than Host and PathPrefix`)
  if (hosts.length === 0 && paths.length === 0) return []
  const target = of('service') ?? name
  if (target.endsWith('@internal')) {
    lost.push(`${name}: ${target} is a part of Traefik itself, so it was left out`)
    return []
  }
  if (isDoorToHttps(name, around.all)) return []
  const port = labels.get(`traefik.http.services.${target}.loadbalancer.server.port`) ?? onlyPort(labels)
  const scheme = labels.get(`traefik.http.services.${target}.loadbalancer.server.scheme`) ?? 'http'
  if (port === undefined) lost.push(`${name}: no port is named, so 80 was taken`)
  const middlewares = (of('middlewares') ?? '').split(',').filter(each => each !== '')
  const more = middlewares
    .flatMap(each => chainOf(each, around.all))
    .map(each => readMiddleware(each, { name, ...around }))
  // What it asks for beyond hosts and paths may be what keeps people out.
  const start: Partial<ImportedRoute> = { isShut: rest !== '' }
  const shared = more.map(({ stripped: _prefix, ...same }) => same).reduce(joined, start)
  const stripped = more.flatMap(each => each.stripped)
  for (const prefix of stripped.filter(each => !paths.includes(each)))
    lost.push(`${name}: stripprefix ${prefix} was not kept, since its rule has no such PathPrefix`)
  return (paths.length === 0 ? ['/'] : paths).map(path =>
    route(paths.length > 1 ? `${name} ${path}` : name, {
      ...shared,
      hosts: hosts.length === 0 ? ['*'] : hosts,
      path: path.replace(/(.)\/+$/, '$1'),
      upstreams: [`${scheme}://${service}:${port ?? 80}`],
      rewritePath: stripped.includes(path) ? '/' : null,
    }),
  )
}

/** Whether a router does nothing but send people to the one for https, which has the same rule. */
function isDoorToHttps(name: string, all: Labels): boolean {
  const of = (router: string, key: string) => all.get(`traefik.http.routers.${router}.${key}`)
  const redirects = (router: string) =>
    (of(router, 'middlewares') ?? '')
      .split(',')
      .flatMap(each => chainOf(each, all))
      .some(each => all.has(`traefik.http.middlewares.${each.toLowerCase()}.redirectscheme.scheme`))
  const others = [...all.keys()].map(key => /^traefik\.http\.routers\.([^.]+)\.rule$/.exec(key)?.[1] ?? name)
  const isTwin = (other: string) => of(other, 'rule') === of(name, 'rule') && !redirects(other)
  return redirects(name) && others.some(other => other !== name && isTwin(other))
}

/** Longest chain of chains that is followed. */
const MAX_CHAIN = 20

/** A middleware by its name, or those that it is a chain of. */
function chainOf(text: string, all: Labels, depth = 0): string[] {
  const name = text.trim().replace(/@.*$/, '')
  const chain = all.get(`traefik.http.middlewares.${name.toLowerCase()}.chain.middlewares`)
  if (chain === undefined || depth > MAX_CHAIN) return [name]
  return chain.split(',').flatMap(each => chainOf(each, all, depth + 1))
}

/** Null where it asks for no password. A file that is not here holds nobody. */
function usersOf(of: (key: string) => string | undefined, readNamed: ReadNamed): Entry[] | null {
  const [users, file] = [of('basicauth.users'), of('basicauth.usersfile')]
  if (users === undefined && file === undefined) return null
  const lines = file === undefined ? [] : (readNamed(file)?.split('\n') ?? [`the file ${file}:`])
  return htpasswdEntries([...(users ?? '').split(','), ...lines])
}

function onlyPort(labels: Labels): string | undefined {
  return [...labels].find(([name]) => name.endsWith('.loadbalancer.server.port'))?.[1]
}

/** All texts of `Host(`a`, `b`)`, in either kind of quotes. */
function valuesOf(rule: string, matcher: string): string[] {
  const calls = rule.matchAll(new RegExp(`\\b${matcher}\\(([^)]*)\\)`, 'g'))
  return [...calls].flatMap(([, list = '']) => [...list.matchAll(/[`"']([^`"']+)[`"']/g)].map(([, text = '']) => text))
}

const HARMLESS =
  /^(?:buffering|circuitbreaker|compress|contenttype|errors|headers|inflightreq|ratelimit|redirect\w+|retry)\b/

type Middleware = Partial<ImportedRoute> & { readonly stripped: readonly string[] }

function readMiddleware(name: string, { name: router, all, lost, readNamed }: Around & { name: string }): Middleware {
  const start = `traefik.http.middlewares.${name.toLowerCase()}.`
  const labels = [...all]
    .filter(([key]) => key.startsWith(start))
    .map(([key, value]) => [key.slice(start.length), value] as const)
  const of = (key: string) => labels.find(([label]) => label === key)?.[1]
  const list = (key: string) =>
    (of(key) ?? '')
      .split(',')
      .map(text => text.trim())
      .filter(text => text !== '')
  const url = of('forwardauth.address')
  if (url !== undefined) return { stripped: [], forwardAuth: { url, headers: list('forwardauth.authresponseheaders') } }
  const allow = [...list('ipallowlist.sourcerange'), ...list('ipwhitelist.sourcerange')]
  if (allow.length > 0) return { stripped: [], allow }
  const users = usersOf(of, readNamed)
  if (users !== null) return { stripped: [], ...guardOfUsers(users, sentence => lost.push(`${router}: ${sentence}`)) }
  if (of('stripprefix.prefixes') !== undefined) return { stripped: list('stripprefix.prefixes') }
  const size = of('buffering.maxrequestbodybytes')
  if (size !== undefined) return { stripped: [], bodySize: `${size}B` }
  const fields = (kind: string) =>
    Object.fromEntries(
      labels.filter(([key]) => key.startsWith(kind)).map(([key, value]) => [key.slice(kind.length), value]),
    )
  const requestHeaders = fields('headers.customrequestheaders.')
  const answerHeaders = fields('headers.customresponseheaders.')
  if (Object.keys({ ...requestHeaders, ...answerHeaders }).length > 0)
    return { stripped: [], requestHeaders, answerHeaders }
  lost.push(`${router}: the middleware ${name} was not kept`)
  // One from a file, or of a kind that is not known, may be what keeps people out.
  const isHarmless = labels.length > 0 && labels.every(([key]) => HARMLESS.test(key))
  return isHarmless ? { stripped: [] } : { stripped: [], isShut: true }
}
