import t from 'tap'
import {
  decideRelease,
  type KnownRelease,
  type SeenPage,
  tagsToStore,
} from '../../../../plugins/cache/rules/release.ts'

const page = (part: Partial<SeenPage> = {}): SeenPage => ({
  status: 200,
  contentType: 'text/html; charset=utf-8',
  etag: null,
  lastModified: null,
  ...part,
})
const monday = 'Mon, 02 Nov 2026 10:00:00 GMT'
const tuesday = 'Tue, 03 Nov 2026 10:00:00 GMT'

/** Which of these looks at the start page tell of another release. */
function others(...pages: readonly Partial<SeenPage>[]): boolean[] {
  let known: KnownRelease | null = null
  return pages.map(each => {
    const decision = decideRelease(known, page(each))
    known = decision.known
    return decision.isOther
  })
}

t.test('another file is another release', async t => {
  for (const [before, after] of [
    [{ etag: '"1"' }, { etag: '"2"' }],
    [{ lastModified: monday }, { lastModified: tuesday }],
    // Going back to the release before is one, too.
    [{ lastModified: tuesday }, { lastModified: monday }],
    [
      { etag: 'W/"1-a"', lastModified: monday },
      { etag: 'W/"1-b"', lastModified: tuesday },
    ],
    // Builds that set all times to the same.
    [
      { etag: '"1"', lastModified: monday },
      { etag: '"2"', lastModified: monday },
    ],
    // Somebody's copy still held before: a 304 has no type.
    [{ etag: '"1"', status: 304, contentType: null }, { etag: '"2"' }],
  ] as const)
    t.strictSame(others(before, after), [false, true], JSON.stringify([before, after]))
})

t.test('what may be written anew for each visitor tells nothing, and what is no page', async t => {
  for (const [before, after] of [
    [{ etag: 'W/"1"' }, { etag: 'W/"2"' }],
    [{ etag: '"1"' }, { etag: '"1"' }],
    [{ etag: '"1"' }, {}],
    [{}, {}],
    [{ lastModified: monday }, {}],
    [{ etag: '"1"' }, { etag: '"2"', status: 404 }],
    [{ etag: '"1"' }, { etag: '"2"', contentType: 'text/css' }],
    [{ etag: '"1"' }, { etag: '"2"', contentType: null }],
  ])
    t.strictSame(others(before, after), [false, false], JSON.stringify([before, after]))
})

t.test('pages that are new at each look are no releases until they settle', async t => {
  const tags = (...names: string[]) => names.map(name => ({ etag: `"${name}"` }))
  t.strictSame(others(...tags('a', 'b', 'c', 'd', 'e')), [false, true, true, false, false])
  t.strictSame(others(...tags('a', 'b', 'c', 'd', 'd', 'e')), [false, true, true, false, false, true])
  t.strictSame(
    others(...tags('a', 'b', 'a', 'b', 'a', 'b', 'b', 'a')),
    [false, true, true, false, false, false, false, false],
    'one release with two pages',
  )
  t.strictSame(
    others(...tags('a', 'a', 'b', 'a', 'a', 'b', 'a', 'a', 'b', 'b', 'a')),
    [false, false, true, true, false, false, false, false, false, false, false],
    'a probe that gets the page in another coding now and then',
  )
  t.strictSame(others(...tags('a', 'a', 'b', 'b', 'c', 'c', 'a', 'a')).filter(Boolean).length, 3, 'going back')
  let known: KnownRelease | null = null
  for (let look = 0; look < 50; look++) known = decideRelease(known, page({ etag: `"${look}"` })).known
  t.ok((known as KnownRelease | null)?.pages.length === 4, 'no more is remembered')
})

t.test('what carries its version in its name belongs to no release', async t => {
  const freshness = (days: number) => ({ lifetimeMs: days * 86_400_000, initialAgeMs: 0, source: 'max-age' as const })
  t.strictSame(tagsToStore({ tags: ['a'], freshness: freshness(1) }, 'wiki'), ['a', 'release wiki'])
  t.strictSame(tagsToStore({ tags: ['a'], freshness: freshness(365) }, 'wiki'), ['a'])
  const many = Array.from({ length: 128 }, (_, i) => `tag${i}`)
  t.strictSame(tagsToStore({ tags: many, freshness: freshness(1) }, 'wiki'), many, 'no more than a store takes')
  t.strictSame(tagsToStore({ tags: [], freshness: freshness(1) }, 'x'.repeat(200)), [])
})
