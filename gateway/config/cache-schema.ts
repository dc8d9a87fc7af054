/**
 * What the configuration says about the response cache (RFC 9111): the block `cache` of a route, where answers are kept
 * (`store`) and how much of them (`store_limits`). The defaults keep only what the origin allows in so many words.
 */
import { block, duration, flag, integer, type Kind, list, ratio, size, text } from './kinds.ts'
import { MAX_DURATION_MS } from './units.ts'

/** What RFC 9111 §4.2.2 calls typical. */
const USUAL_SHARE = 0.1

const window = (description: string): Kind =>
  duration({ min: 0, max: MAX_DURATION_MS, words: { off: 0 }, default: 'off', description })

const key = block(
  'key',
  {
    headers: list(text('keyField', { description: 'Name of a request field.' }), {
      default: [],
      description: 'Request fields whose value is a part of the key, beside scheme, host and target.',
      examples: [['X-Device']],
    }),
    cookies: list(text('cookieName', { description: 'Name of a cookie.' }), {
      default: [],
      description: 'Cookies whose value is a part of the key: each value has answers of its own.',
      examples: [['language']],
    }),
    ignore_query: list(text('queryName', { description: 'Name of a parameter, or its beginning with a `*` behind.' }), {
      words: { all: 'all' },
      default: [],
      description:
        'Query parameters that are no part of the key; `all` = the whole query. They are not sent to the origin either.',
      examples: [['utm_*', 'fbclid'], 'all'],
    }),
    host: flag({
      default: true,
      description: 'Whether the host is a part of the key; false = all hosts of the route share their answers.',
    }),
  },
  { description: 'What makes two requests the same, beside method and target.' },
)

/** The block `cache` of a route. */
export const cacheBlock = block(
  'cache',
  {
    enabled: flag({ default: true, description: 'False is the same as `false` in place of the block.' }),
    max_object_size: size({ min: 1, max: 1024 ** 4, default: '8MiB', description: 'Largest answer that is stored.' }),
    heuristic_freshness: ratio({
      words: { off: 0, on: USUAL_SHARE },
      default: 'off',
      description:
        'Share of the age since Last-Modified for which an answer without a lifetime is fresh, a day at most; `on` = 10%, `off` = none.',
    }),
    stale_while_revalidate: window(
      'Time that a stale answer is served while it is being revalidated, where the origin says nothing.',
    ),
    stale_if_error: window('Time that a stale answer is served while the origin fails, where the origin says nothing.'),
    variants: integer({
      min: 1,
      max: 1000,
      default: 16,
      description: 'Most variants (Vary) that are kept of one URL.',
    }),
    etag: flag({
      default: true,
      description: 'Give answers without a validator a weak entity tag, so that a client need not load them again.',
    }),
    coalesce: flag({
      default: true,
      description: 'Let requests that miss the same answer wait for one request to the origin.',
    }),
    follow_releases: flag({
      default: true,
      description:
        'Forget what is stored of a release of the app when its start page becomes another file; what may be used for half a year stays.',
    }),
    vary_cookie: flag({
      default: false,
      description: 'Store answers with `Vary: Cookie`, one variant for each value of the Cookie field.',
    }),
    store_post: flag({
      default: true,
      description: 'Keep the answer of a POST for GET, where its Content-Location and a lifetime say so.',
    }),
    store_partial: flag({ default: true, description: 'Keep parts of a body (206), for requests of the same part.' }),
    honour_request: flag({
      default: true,
      description:
        'Follow no-cache, max-age, min-fresh and max-stale of requests; false keeps hard reloads from the origin.',
    }),
    never: list(text('pathPattern', { description: 'A path.' }), {
      default: [],
      description:
        'Paths below that of the route that the cache leaves alone, whatever the origin says: `/api`, `/files/*.ics`.',
      examples: [['/api', '/remote.php']],
    }),
    immutable: list(text('pathPattern', { description: 'A path.' }), {
      default: [],
      description:
        'Paths whose content never changes, so that answers without a lifetime are fresh for a year: `/assets`, `/*.js?v`.',
      examples: [['/assets', '/*.js?v']],
    }),
    key,
  },
  { description: 'Shared cache (RFC 9111); `false` = off.' },
)

/** The global keys. */
export const storeKinds: Readonly<Record<'store' | 'store_limits', Kind>> = {
  store: text('store', {
    secret: true,
    default: 'memory',
    description:
      'Where cached answers are kept: memory, disk:FOLDER, redis://host:6379/6 (rediss for TLS), redis+sentinel://host:26379,host2/NAME/6 or redis+cluster://host:6379,host2.',
    examples: ['memory', 'disk:./state/cache', 'redis://127.0.0.1:6379/6'],
  }),
  store_limits: block(
    'store_limits',
    {
      size: size({
        min: 64 * 1024,
        max: 1024 ** 5,
        default: '1GiB',
        description: 'Most bytes that the store holds; what was used longest ago goes first.',
      }),
      memory: size({
        min: 0,
        max: 1024 ** 4,
        words: { off: 0 },
        default: '64MiB',
        description:
          'Memory in front of a disk or of Redis; `off` = none. With `store: memory` the smaller of the two is its size.',
      }),
    },
    { description: 'Bounds of the store of the cache.' },
  ),
}
