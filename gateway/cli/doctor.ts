/** `hearthgate doctor`: examines the apps behind the running gateway, and the way to them. */

import { isAnyAddress } from '../config/local-address.ts'
import { withoutControls } from '../config/problem.ts'
import { nearest } from '../config/suggest.ts'
import type { GatewayConfig, RouteConfig } from '../config/types.ts'
import { type Examination, examine, findingsText, type GatewayView, isWell } from '../doctor/index.ts'
import type { Explanation } from '../explain/types.ts'
import { type AdminAddress, type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import type { CliIo } from './io.ts'

export interface DoctorArguments extends AdminArguments {
  /** Name of the only route to examine; undefined = all of them. */
  readonly route: string | undefined
  readonly json: boolean
}

/** Resolves to the exit code: 0 where nothing is wrong, 1 where something is or no gateway could be asked. */
export async function runDoctor({ route, json, ...admin }: DoctorArguments, io: CliIo): Promise<number> {
  try {
    const address = await findAdmin(admin, io)
    const { routes, view } = await askGateway(address)
    const examinations: Examination[] = []
    // One after the other: what is measured of one app is not to be the work of another.
    for (const one of chooseRoutes(routes, route)) examinations.push(await examine(view, one))
    const well = isWell(examinations)
    const told = { well, routes: examinations }
    io.stdout.write(json ? `${JSON.stringify(told, null, 2)}\n` : findingsText(examinations, io.color))
    return well ? 0 : 1
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}

function chooseRoutes(routes: readonly RouteConfig[], name: string | undefined): readonly RouteConfig[] {
  if (name === undefined) return routes
  const chosen = routes.filter(route => route.name === name)
  if (chosen.length > 0) return chosen
  const names = routes.map(route => route.name)
  const near = nearest(name, names)
  const advice = near === undefined ? `there are ${names.join(', ') || 'none'}` : `did you mean ${JSON.stringify(near)}`
  throw new AdminError(`no route is called ${JSON.stringify(name)}, ${advice}`)
}

interface ConfigAnswer {
  readonly config?: { readonly routes?: readonly RouteConfig[]; readonly listen?: GatewayConfig['listen'] }
}

interface StatsAnswer {
  readonly listen?: readonly string[]
  readonly origins?: readonly { readonly upstream: string; readonly origin: string }[]
}

async function askGateway(address: AdminAddress): Promise<{ routes: readonly RouteConfig[]; view: GatewayView }> {
  const [told, stats] = await Promise.all([askAdmin(address, '/api/config'), askAdmin(address, '/api/stats')])
  const { routes, listen: listeners = [] } = (told as ConfigAnswer).config ?? {}
  const { listen, origins } = stats as StatsAnswer
  if (!Array.isArray(routes) || !Array.isArray(listen) || !Array.isArray(origins)) throw new AdminError(NOT_OURS)
  const builtIn = (name: string) => origins.filter(one => one.upstream === name).map(({ origin }) => origin)
  const issued = listeners.flatMap(({ tls }) => tls ?? []).flatMap(entry => ('cert' in entry ? [] : [entry]))
  const view: GatewayView = {
    issuers: { acme: issued.some(one => one.acme === true), localCa: issued.some(one => one.localCa === true) },
    listen: listen.map(url => reachable(url, address)),
    // What the gateway brings itself has an address of its own at each start.
    origins: ({ name, upstream }) =>
      upstream.some(({ url }) => url.startsWith('builtin:')) ? builtIn(name) : upstream.map(({ url }) => url),
    explain: async url =>
      (await askAdmin(address, `/api/explain?method=GET&url=${encodeURIComponent(url)}`)) as Explanation,
  }
  return { routes, view }
}

/** A listener on every address is reached where the admin listener is. */
function reachable(listen: string, { url }: AdminAddress): string {
  const at = new URL(listen)
  if (isAnyAddress(at.hostname.replace(/^\[(.*)\]$/, '$1'))) at.hostname = new URL(url).hostname
  return at.origin
}
