/** Gathers the facts of one route: a few dozen marked requests, none of which changes anything. */

import type { RouteConfig } from '../../config/types.ts'
import type { Explanation } from '../../explain/types.ts'
import type { AssetFacts, Issuers, MountFacts, RouteFacts } from '../facts.ts'
import { type AppPaths, type KnownApp, knownByPreset, ownPathOf, recognise, soleOwnerOf } from '../known-apps.ts'
import type { Page } from '../page.ts'
import { type Door, doorFor, hostOf, publicTarget, targetAtOrigin } from '../places.ts'
import { ask } from '../probes/ask.ts'
import { nowhere } from '../probes/talks.ts'
import { isAnswer, isFine, type Seen } from '../seen.ts'
import { gatherAround, gatherMount, readExpected, tryAt } from './around.ts'
import { gatherCertificates } from './certificates.ts'
import { gatherOffers } from './offers.ts'
import { gatherOrigins } from './origins.ts'
import { type AssetSurroundings, gatherAssets, pageIn, pageOf, seeAsset, visit } from './visit.ts'

/** What the running gateway tells. */
export interface GatewayView {
  /** Addresses at which its listeners are reached, with their real ports. */
  readonly listen: readonly string[]
  readonly issuers: Issuers
  /** Addresses of the origins of a route, those that are built in by their real ones. */
  origins(route: RouteConfig): readonly string[]
  explain(url: string): Promise<Explanation>
}

const MAX_STRICT = 2
const NO_PATHS: AppPaths = { upgrades: [], streams: [], ranges: [], strict: [] }
const NO_MOUNT: MountFacts = { unstripped: null, stripped: null }
const NO_ASSETS: AssetFacts = { broken: [], largest: null }

export async function gatherRoute(gateway: GatewayView, route: RouteConfig): Promise<RouteFacts> {
  const door = doorFor(gateway.listen, hostOf(route))
  const front = publicTarget(route, '/')
  const expected = door === null ? null : readExpected(await gateway.explain(door.origin + front))
  const origins = await gatherOrigins(route, gateway.origins(route), expected?.target || '/')
  const base: RouteFacts = {
    ...{
      route,
      nowMs: Date.now(),
      known: null,
      origins,
      door,
      expected,
      around: null,
      through: null,
      page: null,
      strict: [],
    },
    ...{ mount: NO_MOUNT, assets: NO_ASSETS, upgrades: [], streams: [], upload: null, ranges: null, webdav: null },
    issuers: gateway.issuers,
    ...(await gatherCertificates(route, gateway.listen, origins)),
  }
  const live = origins.find(({ seen, better }) => isAnswer(seen) && better === null)?.origin
  if (door === null || expected === null || expected.route !== route.name) return base
  // Of what cannot be asked directly the gateway's door has to do.
  if (live === undefined) return origins.length > 0 ? base : { ...base, ...(await gatherThrough(door, front)) }
  return await gatherLive(base, { route, door, expected, origin: live }, front)
}

async function gatherThrough(door: Door, front: string): Promise<Pick<RouteFacts, 'through' | 'page'>> {
  const through = await visit(door, front)
  return { through, page: pageOf(through) }
}

async function gatherLive(base: RouteFacts, near: AssetSurroundings, front: string): Promise<RouteFacts> {
  const { route, door, expected, origin } = near
  const around = await gatherAround(origin, expected, door)
  const [through, mount] = await Promise.all([visit(door, front), gatherMount(route, origin, expected)])
  const page = pageOf(through)
  const shown = page ?? pageIn(around.alone, `${door.origin}${front}`)
  const known = await identify(near, [around.alone, around.forwarded, through.last], shown)
  const assets = page === null ? NO_ASSETS : await gatherAssets(page, near)
  const paths = known?.paths ?? NO_PATHS
  const closer = paths.strict.slice(0, MAX_STRICT).map(path => targetAtOrigin(route, publicTarget(route, path)))
  const strict = await Promise.all(closer.map(target => tryAt(origin, expected, target)))
  const offers = await gatherOffers(near, paths, { front, asset: assets.largest?.target ?? null })
  const largest =
    assets.largest ?? (isFine(through.last) ? await seeAsset(pathOf(through.address), through.last, near) : null)
  return { ...base, around, strict, through, mount, page, known, assets: { ...assets, largest }, ...offers }
}

const pathOf = (address: string): string => new URL(address).pathname + new URL(address).search

/** By its signs; else by the preset of the route; else by the port it listens on and a path that its preset names. */
async function identify(
  { route, origin, expected }: AssetSurroundings,
  seen: readonly Seen[],
  page: Page | null,
): Promise<KnownApp | null> {
  const known = recognise(seen.filter(isAnswer), page)
  if (known !== null) return known
  if (route.preset !== null) return knownByPreset(route.preset, 'the route says so', false)
  const owner = origin.port === null ? null : soleOwnerOf(origin.port)
  const path = owner === null ? null : ownPathOf(owner)
  if (owner === null || path === null) return null
  const answers = await Promise.all(
    [path, `/${nowhere()}`].map(target => ask(origin.place, { target, host: expected.host })),
  )
  // An app that answers everything says nothing by answering this.
  const isItsOwn = isFine(answers[0] ?? null) && !isFine(answers[1] ?? null)
  return isItsOwn ? knownByPreset(owner.name, `its port ${origin.port} and ${path}`, false) : null
}
