/** Imported routes as a configuration file of this gateway. Names are made unique; a match that is taken is told. */
import { stringify } from 'yaml'
import { type TextRuleName, textRules } from '../config/text-rules.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { pathsBelow } from './guards.ts'
import { type Imported, type ImportedRoute, isGuarded } from './types.ts'

export interface Written {
  readonly yaml: string
  readonly lost: readonly string[]
}

/** Beside the other proxy, which has the ports that everybody knows. */
const FIRST_PORT = 8080
const HEAD = `# Imported. It listens beside the other proxy, for this machine alone, so that it can be tried first:
#   hearthgate check && hearthgate start, then curl -H 'Host: NAME' http://127.0.0.1:PORT/
# When the other proxy is off, this in place of "listen" takes its ports and gets certificates:
#   acme: { email: YOU@example.org, agree: true }
#   listen:
#     - { host: 0.0.0.0, port: 80, redirect: https }
#     - { host: 0.0.0.0, port: 443, tls: [{ acme: true }, { local_ca: true }] }
`
const THIS_MACHINE = ['127.0.0.1', '::1']

/** None that an app on this machine may have. */
function freePort(routes: readonly ImportedRoute[]): number {
  const taken = new Set(routes.flatMap(({ upstreams }) => upstreams.map(url => URL.parse(url)?.port)))
  let port = FIRST_PORT
  while (taken.has(`${port}`)) port++
  return port
}

export function writeYaml({ routes, lost }: Imported): Written {
  const taken = new Set<string>()
  const openTwins = twinsOf(routes)
  const names = new Set<string>()
  const more: string[] = []
  const written = routes.flatMap(read => {
    const route = readable(openTwins.has(read) ? { ...read, isShut: true } : read, more)
    if (route === null) return []
    const hosts = route.hosts.filter(host => {
      const key = `${host} ${route.path}`
      const isNew = !taken.has(key)
      if (!isNew) more.push(`${route.name}: ${host}${route.path} stands twice, the first one is kept`)
      taken.add(key)
      return isNew
    })
    if (hosts.length === 0) return []
    if (route.upstreams.length === 0) {
      more.push(`${route.name}: it leads to nothing that can be proxied`)
      return []
    }
    return [routeBlock({ ...route, hosts, name: unique(route.name, names) })]
  })
  const listen = { listen: { host: '127.0.0.1', port: freePort(routes) }, routes: written }
  // People read and edit this: what stands twice is written twice rather than as an alias.
  const form = { lineWidth: 0, flowCollectionPadding: true, aliasDuplicateObjects: false }
  return { yaml: HEAD + stringify(listen, form), lost: [...lost, ...more] }
}

/** Open routes that stand in front of a guarded one for the same address: the other proxy may have told them apart. */
function twinsOf(routes: readonly ImportedRoute[]): ReadonlySet<ImportedRoute> {
  const first = new Map<string, ImportedRoute>()
  const open = new Set<ImportedRoute>()
  for (const route of routes) {
    for (const host of route.hosts) {
      const key = `${host} ${route.path}`
      const before = first.get(key)
      if (before === undefined) first.set(key, route)
      else if (isGuarded(route) && !isGuarded(before)) open.add(before)
    }
  }
  return open
}

/** The route without what this gateway would refuse to read; null where its path is such. */
function readable(read: ImportedRoute, lost: string[]): ImportedRoute | null {
  const below = pathsBelow(read.path, read.paths)
  const route = { ...read, paths: below.paths, isShut: read.isShut || below.isShut }
  const keeps = (rule: TextRuleName) => (text: string) => {
    const reading = textRules[rule](text, '/')
    if (!reading.ok) lost.push(`${route.name}: ${text}: ${reading.problem}`)
    return reading.ok
  }
  const fields = (set: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(set).filter(([name, value]) => keeps('fieldName')(name) && keeps('fieldValue')(value)),
    )
  const measured = (text: string | null, parse: typeof parseSize) => {
    const reading = text === null ? null : parse(text)
    if (reading === null || reading.ok) return text
    lost.push(`${route.name}: ${text}: ${reading.problem}`)
    return null
  }
  const isPath = keeps('pathPrefix')
  if (!isPath(route.path) || (route.rewritePath !== null && !isPath(route.rewritePath))) return null
  const { forwardAuth, allow } = route
  // What kept people out must not get lost in such a way that they come in.
  const isGuardWhole =
    [...Object.values(route.paths), route].every(
      lists => lists.allow.every(keeps('network')) && lists.deny.every(keeps('network')),
    ) &&
    Object.keys(route.paths).every(keeps('pathPattern')) &&
    (!forwardAuth || keeps('httpUrl')(forwardAuth.url))
  if (!isGuardWhole) {
    lost.push(`${route.name}: left out, since its access rules could not be kept whole`)
    return null
  }
  if (route.isShut)
    lost.push(
      `${route.name}: for this machine alone until you have written "access", since of what kept people out some was not kept`,
    )
  return {
    ...route,
    allow: route.isShut ? THIS_MACHINE : allow,
    hosts: route.hosts.filter(keeps('matchHost')),
    upstreams: route.upstreams.filter(keeps('origin')),
    requestHeaders: fields(route.requestHeaders),
    answerHeaders: fields(route.answerHeaders),
    bodySize: measured(route.bodySize, parseSize),
    responseTimeout: measured(route.responseTimeout, parseDuration),
    forwardAuth: forwardAuth && { ...forwardAuth, headers: forwardAuth.headers.filter(keeps('fieldName')) },
  }
}

function routeBlock(route: ImportedRoute): Record<string, unknown> {
  const { hosts, path, upstreams } = route
  const limits = { body_size: route.bodySize, response_timeout: route.responseTimeout }
  const headers = {
    host: route.hostRule,
    request: set(route.requestHeaders),
    response: set(route.answerHeaders),
  }
  const { forwardAuth, allow, deny, users } = route
  return filled({
    name: route.name,
    match: filled({ host: hosts.length === 1 ? hosts[0] : [...hosts], path: path === '/' ? null : path }),
    upstream: upstreams.length === 1 ? upstreams[0] : [...upstreams],
    rewrite_path: route.rewritePath,
    preset: route.preset,
    hsts: route.hsts ? true : null,
    redirects: route.redirects,
    limits: filled(limits),
    headers: filled(headers),
    tls: route.verify ? null : { verify: false },
    access: filled({
      allow: [...allow],
      deny: [...deny],
      paths: Object.fromEntries(Object.entries(route.paths).map(([path, lists]) => [path, filled(lists)])),
      basic: filled({ users }),
      forward: forwardAuth === null ? null : filled(forwardAuth),
    }),
  })
}

function set(fields: Readonly<Record<string, string>>): Record<string, unknown> | null {
  return Object.keys(fields).length === 0 ? null : { set: { ...fields } }
}

/** Without what says nothing. */
function filled(block: object): Record<string, unknown> {
  const isFilled = ([, value]: [string, unknown]): boolean => {
    if (value === null || value === undefined) return false
    return typeof value !== 'object' || Object.keys(value).length > 0
  }
  return Object.fromEntries(Object.entries(block).filter(isFilled))
}

function unique(wanted: string, names: Set<string>): string {
  const plain =
    wanted
      .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
      .replace(/^[^\p{L}\p{N}]+/u, '')
      .replace(/-+$/, '')
      .slice(0, 60) || 'route'
  let name = plain
  for (let i = 2; names.has(name); i++) name = `${plain}-${i}`
  names.add(name)
  return name
}
