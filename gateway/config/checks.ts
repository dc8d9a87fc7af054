/**
 * Rules that need more than one value: names that are taken, matches that can never be reached, an upstream that is the
 * gateway itself, an admin listener without a token, a store without room. Each adds a slip to the draft.
 */
import { isBlock } from './complete.ts'
import { type Draft, findItemPath, itemPath, objectTo, placeOf, type RouteDraft } from './draft.ts'
import { addressOf, collides, type Endpoint, isLoopback, reaches } from './local-address.ts'
import { explainUnknownPreset, findPreset } from './presets.ts'
import { quote } from './problem.ts'
import { checkTls } from './tls-checks.ts'

/** @param local addresses and names of this machine, beside loopback */
export function checkDraft(draft: Draft, local: readonly string[]): void {
  checkListeners(draft)
  checkTls(draft)
  checkAdmin(draft)
  checkStore(draft)
  checkUpstreams(draft)
  checkNames(draft)
  checkPresets(draft)
  checkMatches(draft)
  for (const route of draft.routes) for (const { url } of route.upstream) checkOwnListener(draft, route, url, local)
}

function checkListeners(draft: Draft): void {
  const { listen, admin } = draft.globals
  const taken: { endpoint: Endpoint; path: string }[] = []
  const all = [...listen.keys()].map(i => ({ endpoint: listen[i]!, path: itemPath(draft, 'listen', i) }))
  for (const { endpoint, path } of [...all, { endpoint: admin, path: 'admin' }]) {
    const other = taken.find(entry => collides(entry.endpoint, endpoint))
    if (other !== undefined) objectTo(draft, path, `${addressOf(endpoint)} is taken by ${describe(draft, other.path)}`)
    taken.push({ endpoint, path })
  }
}

function describe(draft: Draft, path: string): string {
  return draft.written.has(path)
    ? `the listener in line ${placeOf(draft, path).line}`
    : 'the listener that is opened by default'
}

function checkAdmin(draft: Draft): void {
  const { host, token } = draft.globals.admin
  if (isLoopback(host) || token !== null || draft.faulty.has('admin.token')) return
  objectTo(
    draft,
    'admin.host',
    `"host": ${host} can be reached by others, so "token" is needed beside it, or host 127.0.0.1`,
  )
}

/** Without its memory the store would be there and never keep anything. */
function checkStore(draft: Draft): void {
  const { store, storeLimits } = draft.globals
  if (store !== 'memory' || storeLimits.memory > 0) return
  objectTo(
    draft,
    'store_limits.memory',
    '"memory": off leaves no room for "store: memory": give it a size, or switch caches off by "cache: false"',
  )
}

function checkUpstreams(draft: Draft): void {
  for (const route of draft.routes) {
    if (!isBlock(draft.written.get(route.path)?.value) || route.deny || draft.written.has(`${route.path}.upstream`))
      continue
    objectTo(draft, route.path, 'missing key "upstream": write where its requests go, or "deny: true"')
  }
}

function checkNames(draft: Draft): void {
  const lines = new Map<string, number>()
  for (const { name, path } of draft.routes) {
    const at = `${path}.name`
    if (draft.written.get(at)?.value === undefined) continue
    const line = lines.get(name)
    if (line !== undefined) objectTo(draft, at, `the name ${quote(name)} is taken by the route in line ${line}`)
    else lines.set(name, placeOf(draft, at).line)
  }
}

function checkPresets(draft: Draft): void {
  for (const { path } of draft.routes) {
    const name = draft.written.get(`${path}.preset`)?.value
    if (typeof name === 'string' && findPreset(name) === null)
      objectTo(draft, `${path}.preset`, `"preset": ${explainUnknownPreset(name)}`)
  }
}

/** Two routes with one host and path: the second could never be reached. */
function checkMatches(draft: Draft): void {
  const owners = new Map<string, RouteDraft>()
  for (const route of draft.routes) {
    for (const host of new Set(route.hosts)) {
      const owner = owners.get(`${host} ${route.matchPath}`)
      if (owner === undefined) owners.set(`${host} ${route.matchPath}`, route)
      else if (owner !== route) {
        const other = `route '${owner.name}' in line ${placeOf(draft, owner.path).line}`
        const path = findItemPath(draft, `${route.path}.match.host`, value => value === host)
        objectTo(draft, path, `${host}${route.matchPath} already belongs to ${other}`)
      }
    }
  }
}

function checkOwnListener(draft: Draft, route: RouteDraft, url: string, local: readonly string[]): void {
  const origin = endpointOf(url)
  if (origin === null) return
  const { listen, admin } = draft.globals
  const hit = [...listen, admin].find(listener => reaches(origin, listener, local))
  if (hit === undefined) return
  const path = findItemPath(draft, `${route.path}.upstream`, value => isBlock(value) && value['url'] === url)
  const what = hit === admin ? "the gateway's own admin listener" : "the gateway's own listener"
  objectTo(
    draft,
    path,
    `"upstream": ${addressOf(origin)} is ${what} (${addressOf(hit)}): requests would go round in circles`,
  )
}

/** Where an origin is connected to; null for sockets and the demo. */
function endpointOf(url: string): Endpoint | null {
  if (!/^(?:http|https|h2c):/.test(url)) return null
  const { hostname, port, protocol } = new URL(url.replace(/^h2c:/, 'http:'))
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
