/** What an app offers beside pages, asked for directly and, where it is there, through the gateway. */
import type { Pair, RouteFacts } from '../facts.ts'
import type { AppPaths } from '../known-apps.ts'
import { publicTarget, targetAtOrigin } from '../places.ts'
import { ask } from '../probes/ask.ts'
import { announceUpload, askUpgrade, nowhere, type Talk, type TalkSeen, watchStream } from '../probes/talks.ts'
import { fieldsOf, isAnswer, type Seen } from '../seen.ts'
import type { AssetSurroundings } from './visit.ts'

type Offers = Pick<RouteFacts, 'upgrades' | 'streams' | 'upload' | 'ranges' | 'webdav'>

/** Sockets, and streams, that are tried of one app. */
const MAX_TRIED = 3
/** Where an app that is not known may have its socket: what several presets name, and the root. */
const COMMON_SOCKETS = ['/socket.io/?EIO=4&transport=websocket', '/ws', '/']
const FIRST_BYTES = [['Range', 'bytes=0-99']] as const
const DEPTH = [['Depth', '0']] as const

/** @param front path of the front page, for visitors  @param asset path of a file of the app, for visitors */
export async function gatherOffers(
  around: AssetSurroundings,
  paths: AppPaths,
  { front, asset }: { front: string; asset: string | null },
): Promise<Offers> {
  const { route } = around
  const isOf = (list: readonly string[]) => list.slice(0, MAX_TRIED).map(path => publicTarget(route, path))
  const [upgrades, streams, upload, ranges, webdav] = await Promise.all([
    Promise.all(
      isOf(paths.upgrades.length === 0 ? COMMON_SOCKETS : paths.upgrades).map(path => tryUpgrade(around, path)),
    ),
    Promise.all(isOf(paths.streams).map(path => tryStream(around, path))),
    tryUpload(around, publicTarget(route, `/${nowhere()}`)),
    tryRanges(around, isOf(paths.ranges)[0] ?? asset ?? front),
    tryWebdav(around, front),
  ])
  return { upgrades, streams, upload, ranges, webdav }
}

/** What is asked at the origin, and at the gateway's door. */
function ends({ route, door, expected }: AssetSurroundings, target: string): { direct: Talk; through: Talk } {
  const direct = { target: targetAtOrigin(route, target), host: expected.host, fields: expected.forwarding }
  return { direct, through: { target, host: door.host } }
}

/** Directly with the app's own name in Host and Origin, as the app likes it best. */
async function tryUpgrade(around: AssetSurroundings, target: string): Promise<Pair<TalkSeen>> {
  const { door, origin } = around
  const { direct, through } = ends(around, target)
  const scheme = origin.place.secure ? 'https' : 'http'
  const alone = { target: direct.target, host: origin.authority }
  const seen = await askUpgrade(origin.place, alone, `${scheme}://${origin.authority}`)
  if (seen.status !== 101) return { target, direct: seen, through: null }
  return { target, direct: seen, through: await askUpgrade(door.place, through, door.origin) }
}

async function tryStream(around: AssetSurroundings, target: string) {
  const { direct, through } = ends(around, target)
  // Side by side: each is watched for seconds.
  const [seen, passed] = await Promise.all([
    watchStream(around.origin.place, direct),
    watchStream(around.door.place, through),
  ])
  const isStream = seen.status === 200 && seen.type.startsWith('text/event-stream')
  // One that keeps even its head for itself may still be a stream.
  return { target, direct: seen, through: isStream || seen.status === null ? passed : null }
}

async function tryUpload(around: AssetSurroundings, target: string): Promise<Pair<TalkSeen>> {
  const { direct, through } = ends(around, target)
  const [seen, passed] = await Promise.all([
    announceUpload(around.origin.place, direct),
    announceUpload(around.door.place, through),
  ])
  return { target, direct: seen, through: passed }
}

async function tryRanges(around: AssetSurroundings, target: string): Promise<Pair<Seen>> {
  const { direct, through } = ends(around, target)
  const seen = await ask(around.origin.place, { ...direct, fields: [...(direct.fields ?? []), ...FIRST_BYTES] })
  if (!isAnswer(seen) || seen.status !== 206) return { target, direct: seen, through: null }
  return { target, direct: seen, through: await ask(around.door.place, { ...through, fields: FIRST_BYTES }) }
}

async function tryWebdav(around: AssetSurroundings, target: string): Promise<Pair<Seen> | null> {
  const { origin, door } = around
  const { direct, through } = ends(around, target)
  const options = await ask(origin.place, { ...direct, method: 'OPTIONS' })
  if (!isAnswer(options) || fieldsOf(options, 'dav').length === 0) return null
  const method = 'PROPFIND'
  const seen = await ask(origin.place, { ...direct, method, fields: [...(direct.fields ?? []), ...DEPTH] })
  return { target, direct: seen, through: await ask(door.place, { ...through, method, fields: DEPTH }) }
}
