/**
 * Purges in Redis. One key goes in one step, with the right of its open writers to commit; what names more is first
 * noted, so that no writer brings back what goes, then carried out in small steps.
 */
import { MAX_PURGE_LOG } from '../bounds.ts'
import { isSelected, type Selectable } from '../purge-log.ts'
import type { PurgeSelector } from '../types.ts'
import type { RedisClient } from './connect.ts'
import type { Answer } from './guard.ts'
import { hashName, INDEX_TTL_MS, placeOf, shardBase } from './keys.ts'
import { DROP, PURGE_KEY, REMEMBER_PURGE } from './scripts.ts'

/** Asks Redis within the time limit. */
export type Ask = <T>(question: (client: RedisClient) => Promise<T>) => Promise<Answer<T>>

const WALK_BATCH = 500
const DROP_BATCH = 100

/** How many entries were removed; null = Redis did not answer, and some may be left. */
export async function purgeEverywhere(ask: Ask, selector: PurgeSelector, shards: number): Promise<number | null> {
  if (selector.by === 'key') return purgeKey(ask, selector, shards)
  let removed = 0
  for (let shard = 0; shard < shards; shard++) {
    const part = await purgeShard(ask, selector, shardBase(shard))
    if (part === null) return null
    removed += part
  }
  return removed
}

type ByKey = PurgeSelector & { readonly by: 'key' }
type Wide = Exclude<PurgeSelector, ByKey>

async function purgeKey(ask: Ask, selector: ByKey, shards: number): Promise<number | null> {
  const { base, keyHash } = placeOf(selector.value, shards)
  const variantHash = selector.variant === undefined ? '' : hashName(selector.variant)
  const values = [base, keyHash, variantHash]
  const answer = await ask(client => client.eval(PURGE_KEY, 1, `${base}lru`, ...values) as Promise<number>)
  return answer.ok ? answer.value : null
}

async function purgeShard(ask: Ask, selector: Wide, base: string): Promise<number | null> {
  const value = selector.by === 'all' ? '' : selector.value
  const values = [base, selector.by, value, MAX_PURGE_LOG, INDEX_TTL_MS]
  const noted = await ask(client => client.eval(REMEMBER_PURGE, 1, `${base}lru`, ...values))
  if (!noted.ok) return null
  return selector.by === 'url' ? purgeUrl(ask, selector.value, base) : purgeWalk(ask, selector, base)
}

/** The members of an address stand together in the order of their names. */
async function purgeUrl(ask: Ask, url: string, base: string): Promise<number | null> {
  const from = `[${hashName(url)}.`
  const to = `(${hashName(url)}/`
  const found = await ask(client => client.zrangebylex(`${base}url`, from, to))
  return found.ok ? drop(ask, found.value, base) : null
}

async function purgeWalk(ask: Ask, selector: PurgeSelector, base: string): Promise<number | null> {
  let removed = 0
  let cursor = '0'
  do {
    const page = await ask(client => client.hscan(`${base}meta`, cursor, 'COUNT', WALK_BATCH))
    if (!page.ok) return null
    const part = await drop(ask, selectMembers(page.value[1], selector), base)
    if (part === null) return null
    removed += part
    cursor = page.value[0]
  } while (cursor !== '0')
  return removed
}

/** Members and facts alternate. */
function selectMembers(page: readonly string[], selector: PurgeSelector): string[] {
  const members: string[] = []
  for (let at = 0; at + 1 < page.length; at += 2)
    if (isSelected(JSON.parse(page[at + 1] as string) as Selectable, selector)) members.push(page[at] as string)
  return members
}

async function drop(ask: Ask, members: readonly string[], base: string): Promise<number | null> {
  let removed = 0
  for (let at = 0; at < members.length; at += DROP_BATCH) {
    const batch = members.slice(at, at + DROP_BATCH)
    const answer = await ask(client => client.eval(DROP, 1, `${base}lru`, base, ...batch) as Promise<number>)
    if (!answer.ok) return null
    removed += answer.value
  }
  return removed
}
