/** Generated stories of pages that change, of who asks for them, and of an origin that fails. */
import fc from 'fast-check'
import type { Fault, Manner } from './cache-model-origin.ts'

export interface Ask {
  readonly page: number
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly client: number
  readonly extras: Readonly<Record<string, string>>
  /** A tag that a client was given for this address before: the last one, or the first. */
  readonly condition: null | {
    readonly name: 'if-none-match' | 'if-range' | 'if-modified-since'
    readonly which: 'last' | 'first'
  }
  readonly afterMs: number
  /** The client goes away so long after it has asked. */
  readonly leavesMs: number | null
}

export type Step =
  | { readonly do: 'ask'; readonly asks: readonly Ask[] }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'change'; readonly page: number; readonly manner: Manner | null }
  | { readonly do: 'fail'; readonly fault: Fault; readonly times: number }
  | { readonly do: 'purge'; readonly page: number }
  /** Time for forms to be made in the background. */
  | { readonly do: 'rest'; readonly ms: number }

export interface Story {
  readonly host: 'plain.test' | 'bold.test'
  /** The fields that each of them sends. */
  readonly clients: readonly Readonly<Record<string, string>>[]
  readonly manners: readonly Manner[]
  readonly steps: readonly Step[]
}

const controls = [
  ...[
    'max-age=60',
    'max-age=60',
    'max-age=10',
    's-maxage=20',
    'public, max-age=60',
    'no-cache',
    'max-age=0',
    'no-store',
  ],
  ...[
    'private, max-age=60',
    'max-age=60, must-revalidate',
    'max-age=20, stale-while-revalidate=60',
    'immutable, max-age=60',
  ],
  ...['max-age=20, stale-if-error=600', 'max-age=60, no-cache="x-secret"', 'max-age=60, no-transform', ''],
  ...[
    'max-age=60, proxy-revalidate',
    'no-store, must-understand, max-age=60',
    'public, no-cache',
    's-maxage=0, max-age=60',
  ],
  ...[
    'max-age=20, stale-while-revalidate=60, must-revalidate',
    'max-age=20, stale-if-error=600, stale-while-revalidate=10',
  ],
]

const manner: fc.Arbitrary<Manner> = fc.record({
  control: fc.constantFrom(...controls),
  vary: fc.constantFrom<readonly string[]>(
    [],
    [],
    [],
    ['accept-language'],
    ['x-device'],
    ['accept-language', 'x-device'],
    ['cookie'],
    ['*'],
  ),
  tag: fc.constantFrom('strong', 'strong', 'weak', 'none'),
  hasDate: fc.constantFrom(true, true, false),
  hasModified: fc.boolean(),
  coding: fc.constantFrom('none', 'none', 'asked', 'always'),
  hasRanges: fc.boolean(),
  isChunked: fc.boolean(),
  age: fc.constantFrom(0, 0, 0, 5, 30),
  slowMs: fc.constantFrom(0, 0, 0, 4, 12),
  setsCookie: fc.constantFrom(false, false, false, false, true),
  length: fc.constantFrom(0, 40, 3000, 9000),
})

/** One of these in so many, or nothing. */
const rarely = (outOf: number, ...values: string[]) =>
  fc.nat(outOf - 1).chain(n => (n === 0 ? fc.constantFrom<string | null>(...values) : fc.constant<string | null>(null)))

const withoutNulls = (all: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null))

/** What a client sends with every request. */
const client = fc
  .record({
    'accept-encoding': fc.constantFrom<string | null>(
      ...[null, 'gzip', 'gzip, br', 'identity', 'zstd', 'gzip;q=0', '*', 'identity;q=0, gzip'],
      ...['br;q=1, gzip;q=0.5, identity;q=0', 'gzip, deflate, br, zstd'],
    ),
    'accept-language': rarely(2, 'de', 'en'),
    'x-device': rarely(3, 'phone'),
    cookie: rarely(3, 'sid=a', 'sid=b'),
    authorization: rarely(8, 'Bearer a'),
  })
  .map(withoutNulls)

/** What it sends with one. */
const extras = fc
  .record({
    'cache-control': rarely(
      4,
      ...[
        'no-cache',
        'max-age=0',
        'max-age=15',
        'max-stale',
        'max-stale=15',
        'only-if-cached',
        'no-store',
        'min-fresh=30',
      ],
      ...['stale-if-error=30', 'no-transform', 'only-if-cached, max-stale=40'],
    ),
    pragma: rarely(12, 'no-cache'),
    range: rarely(
      4,
      'bytes=0-9',
      'bytes=20-',
      'bytes=-7',
      'bytes=0-1,30-35',
      'bytes=99999-',
      'bytes=10-3000',
      'bytes=0-',
    ),
  })
  .map(withoutNulls)

const condition = fc.record({
  name: fc.constantFrom('if-none-match', 'if-none-match', 'if-range', 'if-modified-since'),
  which: fc.constantFrom('last', 'last', 'first'),
})

const ask = (pages: number): fc.Arbitrary<Ask> =>
  fc.record({
    page: fc.nat(pages - 1),
    method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST'),
    client: fc.nat(2),
    extras,
    condition: fc.option(condition, { freq: 3 }),
    afterMs: fc.constantFrom(0, 0, 0, 2, 6),
    leavesMs: fc.constantFrom(null, null, null, null, null, null, null, 0, 3, 8),
  }) as fc.Arbitrary<Ask>

const step = (pages: number, restsMs: readonly number[]): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('ask'), asks: fc.array(ask(pages), { minLength: 1, maxLength: 4 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), seconds: fc.constantFrom(1, 12, 25, 45, 70, 700) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('change'),
        page: fc.nat(pages - 1),
        manner: fc.option(manner, { freq: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('fail'),
        fault: fc.constantFrom('503', '500', 'cut', 'reset'),
        times: fc.constantFrom(1, 3),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('purge'), page: fc.nat(pages - 1) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('rest'), ms: fc.constantFrom(...restsMs) }) },
  ) as fc.Arbitrary<Step>

/** `restsMs`: for how long they may be idle. */
export const stories = (restsMs: readonly number[]): fc.Arbitrary<Story> =>
  fc.integer({ min: 1, max: 2 }).chain(pages =>
    fc.record({
      host: fc.constantFrom('plain.test', 'bold.test'),
      clients: fc.array(client, { minLength: 3, maxLength: 3 }),
      manners: fc.array(manner, { minLength: pages, maxLength: pages }),
      steps: fc.array(step(pages, restsMs), { minLength: 4, maxLength: 24 }),
    }),
  ) as fc.Arbitrary<Story>
