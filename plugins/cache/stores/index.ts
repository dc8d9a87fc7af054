/**
 * The stores of the cache. They keep entries by key and know nothing of HTTP.
 */
export { type BoundsInput, DEFAULT_MAX_OBJECT_BYTES, DEFAULT_MAX_VARIANTS, MAX_HEAD_BYTES } from './bounds.ts'
export { type DiskStoreOptions, openDiskStore } from './disk/store.ts'
export { StoreOpenError } from './errors.ts'
export { MemoryStore, type MemoryStoreOptions } from './memory/store.ts'
export { type OpenStoreOptions, openStore } from './open.ts'
export { isSelected } from './purge-log.ts'
export { readRedisAddress } from './redis/address.ts'
export { RedisBus } from './redis/bus.ts'
export { openRedisGuard } from './redis/open-guard.ts'
export type { Reach } from './redis/reach.ts'
export { RedisStore, type RedisStoreOptions } from './redis/store.ts'
export type { Invalidation, InvalidationBus } from './tiered/bus.ts'
export { TieredStore, type TieredStoreOptions } from './tiered/store.ts'
export type * from './types.ts'
