/** Heads that come out of a store that others write to as well. */
import t from 'tap'
import { isReadableHead } from '../../../../plugins/cache/rules/readable-head.ts'

const head = {
  ...{ status: 200, headers: ['ETag', '"x"'], method: 'GET', requestTimeMs: 1, responseTimeMs: 2, bodyLength: 4 },
  ...{
    varyNames: [],
    varyValues: {},
    isPartial: null,
    tags: [],
    etag: '"x"',
    lastModified: null,
    lastModifiedMs: null,
  },
  ...{ dateMs: 2, freshness: { lifetimeMs: 1, source: 'max-age', initialAgeMs: 0 }, ownTag: null },
  limits: {
    ...{ alwaysRevalidate: false, mustRevalidate: false, isForAuthorized: false },
    ...{ staleWhileRevalidateMs: null, staleIfErrorMs: null },
  },
}

t.test('a head of this build is readable, and no other', async t => {
  t.ok(isReadableHead(head))
  t.ok(isReadableHead({ ...head, isPartial: { first: 0, last: 3, total: null } }))
  for (const name of Object.keys(head)) t.notOk(isReadableHead({ ...head, [name]: undefined }), `without ${name}`)
  const bad: Record<string, unknown>[] = [
    { status: 99 },
    { headers: ['ETag'] },
    { headers: ['X-A', 'a\r\nSet-Cookie: b=c'] },
    { varyNames: null },
    { isPartial: {} },
    { freshness: { ...head.freshness, lifetimeMs: null } },
    { limits: {} },
    { etag: '"x"\n' },
  ]
  for (const change of bad) t.notOk(isReadableHead({ ...head, ...change }), JSON.stringify(change))
  for (const value of [null, [], 'x', 1, {}]) t.notOk(isReadableHead(value), JSON.stringify(value))
})
