/** How long coded forms live: as long as the body that they were made from is the stored one, wherever it is stored. */
import t from 'tap'
import { type Ask, type Rig, statusOf } from '../rig.ts'
import { startRedis, temporaryFolder, withoutRedis } from '../stores/support.ts'
import { codedRig, decoded, freshText, storeCoded, text, whenCoded } from './coded-rig.ts'

const body = text(800)
const accept = { 'Accept-Encoding': 'br' }

t.test('a new body is never sent as a form of the old one', async t => {
  const app = await codedRig(t)
  await storeCoded(app, body, { 'Cache-Control': 'max-age=600' })
  const second = text(600, 'other')
  const refreshing = app.get('/x', { ...accept, 'Cache-Control': 'no-cache' })
  ;(await app.next()).answer(200, freshText({ ETag: '"v2"' }), second)
  t.ok((await refreshing).body.equals(second))
  const got = await app.get('/x', accept)
  t.equal(got.headers['etag']?.startsWith('"v2'), true)
  t.ok(decoded(got).equals(second))
  await whenCoded(app, 6)
  const coded = await app.get('/x', accept)
  t.equal(coded.headers['etag'], '"v2~hg-br"')
  t.ok(decoded(coded).equals(second))
  t.equal(await app.entries(), 4, 'nothing of the first is left')
})

t.test('a confirmed answer keeps its forms, under the new head', async t => {
  const app = await codedRig(t)
  const fields = freshText({ 'Cache-Control': 'no-cache', 'X-Own': 'old' })
  await app.answered(app.get(), ask => ask.answer(200, fields, body))
  await app.answered(app.get('/x', accept), (ask: Ask) => ask.answer(304, { ETag: '"v1"' }))
  await whenCoded(app)
  const got = await app.answered(app.get('/x', accept), ask => {
    t.equal(ask.fields['if-none-match'], '"v1"', 'the origin sees its own tag')
    ask.answer(304, { ETag: '"v1"', 'X-Own': 'new', 'Cache-Control': 'max-age=600' })
  })
  t.match(statusOf(got), /fwd-status=304/)
  t.equal(got.headers['content-encoding'], 'br')
  t.equal(got.headers['etag'], '"v1~hg-br"')
  t.equal(got.headers['x-own'], 'new')
  t.ok(decoded(got).equals(body))
  const hit = await app.get('/x', accept)
  t.match(statusOf(hit), /; hit/)
  t.equal(hit.headers['content-encoding'], 'br')
})

t.test('a client that asks with the tag of a form is answered 304 when the origin confirms the answer', async t => {
  const app = await codedRig(t)
  await storeCoded(app, body)
  const asking = { ...accept, 'If-None-Match': '"v1~hg-br"', 'Cache-Control': 'no-cache' }
  const got = await app.answered(app.get('/x', asking), ask => {
    t.equal(ask.fields['if-none-match'], '"v1"')
    ask.answer(304, { ETag: '"v1"' })
  })
  t.equal(got.status, 304)
  t.equal(got.headers['etag'], '"v1~hg-br"')
})

t.test('a purge takes the forms, and so does a method that makes the answer void', async t => {
  for (const forget of [
    (app: Rig) => app.app.cache.purge({ by: 'url', value: 'http://app.test/x' }),
    (app: Rig) => app.answered(app.get('/x', {}, 'PUT', 'new'), ask => ask.answer(204)),
  ]) {
    const app = await codedRig(t)
    await storeCoded(app, body)
    t.equal(await app.entries(), 4)
    await forget(app)
    t.equal(await app.entries(), 0)
    const again = await app.answered(app.get('/x', accept), ask => ask.answer(200, freshText(), 'short'))
    t.equal(again.body.toString(), 'short')
  }
})

t.test('forms on disk are there after a restart', async t => {
  const folder = temporaryFolder(t)
  const store = { store: `disk:${folder}` }
  const first = await codedRig(t, { cache: store })
  await storeCoded(first, body)
  await first.app.close()
  const second = await codedRig(t, { cache: store })
  t.equal(await second.entries(), 4)
  const got = await second.get('/x', accept)
  t.match(statusOf(got), /; hit/)
  t.equal(got.headers['content-encoding'], 'br')
  t.ok(decoded(got).equals(body))
  t.same((await second.app.cache.stats()).coded.made, {}, 'nothing was made anew')
})

t.test('forms in Redis are there for another gateway', { skip: withoutRedis }, async t => {
  const redis = await startRedis(t)
  const store = { cache: { store: redis.url } }
  const [first, second] = [await codedRig(t, store), await codedRig(t, store)]
  await storeCoded(first, body)
  for (const app of [first, second]) {
    const got = await app.get('/x', accept)
    t.match(statusOf(got), /; hit/)
    t.equal(got.headers['content-encoding'], 'br')
    t.ok(decoded(got).equals(body))
  }
  t.equal(second.asked, 0)
})
