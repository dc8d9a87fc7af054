/**
 * From the `store` of the configuration to a store: `memory`, `disk:FOLDER`, or an address of Redis.
 */
import type { BoundsInput } from './bounds.ts'
import { openDiskStore } from './disk/store.ts'
import { StoreOpenError } from './errors.ts'
import { MemoryStore } from './memory/store.ts'
import { type RedisAddress, readRedisAddress } from './redis/address.ts'
import { RedisBus } from './redis/bus.ts'
import type { Reach } from './redis/reach.ts'
import { DEFAULT_COMMAND_TIMEOUT_MS, RedisStore } from './redis/store.ts'
import { TieredStore } from './tiered/store.ts'
import type { CacheStore, Clock, PurgeSelector } from './types.ts'

export interface OpenStoreOptions extends BoundsInput {
  /** Memory in front of a disk or of Redis, bytes; 0 = none. */
  readonly frontBytes?: number
  /** For each question to Redis, ms. */
  readonly commandTimeoutMs?: number
  /** Address of the Redis that tells gateways with their own memory or disk of each other's purges; absent = none. */
  readonly newsUrl?: string
  /** Told when the Redis of the store cannot be used, and when it can again. */
  readonly onReach?: (reach: Reach) => void
  readonly now?: Clock
}

/**
 * Opens a store. A Redis that is away is no error: the store misses until it comes.
 * @throws StoreOpenError (rejects) when the address cannot be read or the folder cannot be used
 */
export async function openStore(address: string, options: OpenStoreOptions = {}): Promise<CacheStore> {
  const news = options.newsUrl === undefined ? null : readAddress(options.newsUrl)
  if (address === 'memory') return withNews(new MemoryStore(options), news, options)
  if (address.startsWith('disk:') && address.length > 'disk:'.length) return openDisk(address.slice(5), news, options)
  return openRedis(readAddress(address), options)
}

async function openDisk(folder: string, news: RedisAddress | null, options: OpenStoreOptions): Promise<CacheStore> {
  const back = await openDiskStore({ ...options, folder }).catch((error: Error) => {
    throw new StoreOpenError(error.message, { cause: error })
  })
  const version = (): number => back.version()
  if (news !== null) return new TieredStore({ ...options, ...newsParts(news, options), back, version })
  return options.frontBytes === 0 ? back : new TieredStore({ ...options, back, version })
}

function openRedis(address: RedisAddress, options: OpenStoreOptions): CacheStore {
  if (options.frontBytes === 0) return new RedisStore({ ...options, address })
  const { bus } = newsParts(address, options)
  const onLatePurge = (selector: PurgeSelector): void => bus.publish({ what: 'purged', selector })
  const back = new RedisStore({ ...options, address, onLatePurge })
  const onForeignPurge = (selector: PurgeSelector): void => back.remember(selector)
  return new TieredStore({ ...options, back, bus, backIsShared: true, onForeignPurge })
}

/** A front that holds nothing: the store behind is memory itself. */
function withNews(back: MemoryStore, news: RedisAddress | null, options: OpenStoreOptions): CacheStore {
  if (news === null) return back
  return new TieredStore({ ...options, ...newsParts(news, options), back, frontBytes: 0, version: () => -1 })
}

function newsParts(address: RedisAddress, options: OpenStoreOptions): { bus: RedisBus; backIsShared: boolean } {
  const commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS
  return { bus: new RedisBus({ address, commandTimeoutMs }), backIsShared: false }
}

function readAddress(text: string): RedisAddress {
  const address = readRedisAddress(text)
  if (address === null) throw new StoreOpenError('expected memory, disk:FOLDER or an address of Redis')
  return address
}
