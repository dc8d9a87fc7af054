/** A visit as a browser makes it: the front page through the gateway with its redirects, then what the page loads. */
import type { RouteConfig } from '../../config/types.ts'
import type { AssetFacts, AssetSeen, Expected, Visit } from '../facts.ts'
import { type Page, readPage } from '../page.ts'
import { type Door, type Origin, targetAtOrigin } from '../places.ts'
import { ask, type Question } from '../probes/ask.ts'
import { field, isAnswer, type Seen } from '../seen.ts'

const MAX_HOPS = 4
/** Scripts and styles that are looked at. */
const MAX_ASSETS = 4
/** What today's browsers accept over TLS. */
export const BROWSER_ENCODINGS = 'gzip, deflate, br, zstd'

/** @param target path of the front page, for visitors */
export async function visit(door: Door, target: string): Promise<Visit> {
  const hops: Visit['hops'][number][] = []
  let address = door.origin + target
  for (;;) {
    const { pathname, search } = new URL(address)
    const last = await ask(door.place, { target: pathname + search, host: door.host })
    const location = isAnswer(last) && last.status >= 300 && last.status < 400 ? field(last, 'location') : null
    const next = location === null ? null : URL.parse(location, address)
    if (!isAnswer(last) || location === null || next === null) return { hops, last, address }
    hops.push({ status: last.status, location, answer: last })
    // Another scheme or name is another server, which is none of the doctor's business.
    if (next.origin !== door.origin || hops.length === MAX_HOPS) return { hops, last, address }
    address = next.href
  }
}

/** Null where it shows no page of HTML. */
export function pageOf({ last, address }: Visit): Page | null {
  return pageIn(last, address)
}

/** @param address where it was found, absolute */
export function pageIn(last: Seen, address: string): Page | null {
  if (!isAnswer(last) || last.status !== 200 || !/^text\/html/i.test(field(last, 'content-type') ?? '')) return null
  return readPage(last.body.toString('utf8'), address)
}

export interface AssetSurroundings {
  readonly route: RouteConfig
  readonly door: Door
  readonly origin: Origin
  readonly expected: Expected
}

export async function gatherAssets(page: Page, around: AssetSurroundings): Promise<AssetFacts> {
  const { door } = around
  const urls = [...new Set(page.resources.filter(({ kind }) => kind !== 'other').map(({ url }) => url))]
  const own = urls.map(url => new URL(url)).filter(({ host }) => host === new URL(door.origin).host)
  const asked = await Promise.all(
    own.slice(0, MAX_ASSETS).map(async ({ href, pathname, search }) => {
      const seen = await ask(door.place, { target: pathname + search, host: door.host })
      return { href, target: pathname + search, seen }
    }),
  )
  const broken = asked.flatMap(({ href, seen }) =>
    isAnswer(seen) && seen.status >= 400 ? [{ url: href, status: seen.status }] : [],
  )
  const largest = asked.toSorted((a, b) => sizeOf(b.seen) - sizeOf(a.seen)).find(({ seen }) => sizeOf(seen) > 0)
  return { broken, largest: largest === undefined ? null : await seeAsset(largest.target, largest.seen, around) }
}

const sizeOf = (seen: Seen): number => (isAnswer(seen) && seen.status === 200 ? seen.body.length : 0)

/** The same bytes four ways: from the app and through the gateway, plain and encoded. */
export async function seeAsset(
  target: string,
  plain: Seen,
  { route, door, origin, expected }: AssetSurroundings,
): Promise<AssetSeen> {
  const atOrigin: Question = {
    target: targetAtOrigin(route, target),
    host: expected.host,
    fields: expected.forwarding,
  }
  const encodings = [['Accept-Encoding', BROWSER_ENCODINGS]] as const
  const [direct, directEncoded, encoded] = await Promise.all([
    ask(origin.place, atOrigin),
    ask(origin.place, { ...atOrigin, fields: [...expected.forwarding, ...encodings] }),
    ask(door.place, { target, host: door.host, fields: encodings }),
  ])
  return { target, direct, plain, directEncoded, encoded }
}
