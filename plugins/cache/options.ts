/**
 * Options of the cache plugin: where answers are kept, how much of them, and what holds for every route that says nothing
 * else. Sizes in bytes, times in milliseconds.
 */
import { type Static, Type } from 'typebox'
import type { RouteCacheSettings } from './rules/types.ts'

const MiB = 1024 * 1024
const YEAR_MS = 365 * 24 * 3_600_000

export const cacheOptionsSchema = Type.Object(
  {
    store: Type.String({
      minLength: 1,
      default: 'memory',
      description: '`memory`, `disk:FOLDER`, or an address of Redis (`redis://host:6379/0`, `rediss://…`).',
    }),
    maxBytes: Type.Integer({
      minimum: 1,
      default: 256 * MiB,
      description: 'Bytes of the store; the least used go first.',
    }),
    frontBytes: Type.Integer({ minimum: 0, default: 64 * MiB, description: 'Memory in front of a disk or of Redis.' }),
    newsUrl: Type.Optional(Type.String({ description: 'Redis that tells gateways of each other’s purges.' })),
    maxObjectBytes: Type.Integer({ minimum: 1, default: 8 * MiB, description: 'Longest body that is stored.' }),
    maxVariants: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 16,
      description: 'Variants (Vary) of one address.',
    }),
    heuristicFreshness: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'Share of the age since Last-Modified for which an answer without lifetime is fresh; 0 = none.',
    }),
    staleWhileRevalidateMs: Type.Integer({
      minimum: 0,
      maximum: YEAR_MS,
      default: 0,
      description: 'Where the origin says nothing.',
    }),
    staleIfErrorMs: Type.Integer({
      minimum: 0,
      maximum: YEAR_MS,
      default: 0,
      description: 'Where the origin says nothing.',
    }),
    etag: Type.Boolean({ default: true, description: 'Weak entity tags for answers that come without a validator.' }),
    coalesce: Type.Boolean({ default: true, description: 'Let concurrent misses of one address share one request.' }),
    storeCookieVary: Type.Boolean({ default: false, description: 'Store answers with `Vary: Cookie`, one a cookie.' }),
    followReleases: Type.Boolean({
      default: true,
      description: 'Forget what is stored of a release of the app when another start page (`/`, `/index.html`) comes.',
    }),
    storePost: Type.Boolean({
      default: true,
      description: 'Keep answers of POST for GET where RFC 9110 §9.3.3 allows it.',
    }),
    storePartial: Type.Boolean({ default: true, description: 'Keep and join 206 answers.' }),
    honourRequestDirectives: Type.Boolean({ default: true, description: 'Follow the Cache-Control of requests.' }),
  },
  { additionalProperties: false },
)

export type CacheOptions = Static<typeof cacheOptionsSchema>

/** The rules' settings of a route that has none of its own. */
export function routeSettings(options: CacheOptions): RouteCacheSettings {
  const { maxObjectBytes, maxVariants, staleWhileRevalidateMs, staleIfErrorMs, heuristicFreshness } = options
  const { storeCookieVary, storePost, storePartial, honourRequestDirectives } = options
  const limits = { maxObjectBytes, maxVariants, staleWhileRevalidateMs, staleIfErrorMs, heuristicFreshness }
  return { ...limits, storeCookieVary, storePost, storePartial, honourRequestDirectives, key: {} }
}
