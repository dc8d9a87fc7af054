/** A success of an unsafe method makes what is stored of its addresses void (RFC 9111 §4.4), an error does not. */
import t from 'tap'
import { type Fields, fresh, type Rig, rig, statusOf } from './rig.ts'

const isHit = async (app: Rig, target: string): Promise<boolean> => {
  const got = app.get(target)
  const ask = await Promise.race([app.next(400).catch(() => null), got.then(() => null)])
  ask?.answer(200, fresh(), 'new')
  return /; hit/.test(statusOf(await got))
}

async function stored(t: { teardown(fn: () => unknown): void }, targets: string[], options = {}): Promise<Rig> {
  const app = await rig(t, options)
  for (const target of targets) await app.store(fresh(), 'old', target)
  await app.whenStored(targets.length)
  return app
}

async function change(app: Rig, method: string, status: number, fields: Fields, target = '/x'): Promise<void> {
  const got = app.get(target, {}, method, method === 'DELETE' ? '' : 'body')
  const ask = await app.next()
  await ask.request.complete
  ask.answer(status, fields, 'done')
  const answered = await got
  t.equal(answered.status, status)
  t.match(statusOf(answered), /^hearthgate; fwd=method/)
}

t.test('every unsafe method makes its own address void', async t => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'MKCOL', 'PROPPATCH', 'LOCK']) {
    const app = await stored(t, ['/x', '/y'])
    await change(app, method, 200, {})
    t.equal(await isHit(app, '/x'), false, method)
    t.equal(await isHit(app, '/y'), true, method)
  }
})

t.test('safe methods and errors make nothing void', async t => {
  for (const status of [400, 403, 404, 409, 500, 503]) {
    const app = await stored(t, ['/x'])
    await change(app, 'PUT', status, {})
    t.equal(await isHit(app, '/x'), true, String(status))
  }
  for (const method of ['OPTIONS', 'PROPFIND', 'REPORT']) {
    const app = await stored(t, ['/x'])
    await change(app, method, 200, {})
    t.equal(await isHit(app, '/x'), true, method)
  }
})

t.test('redirects and what they name are void, on the same host only', async t => {
  const cases: [Fields, boolean][] = [
    [{ Location: '/y' }, false],
    [{ Location: 'y' }, false],
    [{ Location: 'http://app.test/y' }, false],
    [{ Location: 'https://app.test/y' }, false],
    [{ 'Content-Location': '/y' }, false],
    [{ 'Content-Location': 'http://APP.test/y' }, false],
    [{ Location: 'http://other.test/y' }, true],
    [{ 'Content-Location': '//other.test/y' }, true],
    [{ Location: 'http://app.test:81/y' }, true],
  ]
  for (const [fields, remains] of cases) {
    for (const status of [201, 303]) {
      const app = await stored(t, ['/x', '/y'])
      await change(app, 'POST', status, fields)
      t.equal(await isHit(app, '/x'), false, JSON.stringify(fields))
      t.equal(await isHit(app, '/y'), remains, `${status} ${JSON.stringify(fields)}`)
    }
  }
})

t.test('a folder that is deleted or moved takes what lies below with it', async t => {
  const app = await stored(t, ['/f', '/f/a', '/f/a/b', '/fx'])
  await change(app, 'DELETE', 204, {}, '/f')
  for (const target of ['/f', '/f/a', '/f/a/b']) t.equal(await isHit(app, target), false, target)
  t.equal(await isHit(app, '/fx'), true)
})

t.test('what is stored of one host stays when the other host’s changes', async t => {
  const app = await rig(t, { answer: ask => ask.answer(200, fresh(), ask.fields['host']) })
  await app.get('/x', { Host: 'one.test' })
  await app.get('/x', { Host: 'two.test' })
  await app.get('/x', { Host: 'two.test' }, 'PUT', 'body')
  t.match(statusOf(await app.get('/x', { Host: 'one.test' })), /; hit/)
  t.notMatch(statusOf(await app.get('/x', { Host: 'two.test' })), /; hit/)
})

t.test('what is being fetched while its address changes is not stored, however it is fetched', async t => {
  const ways: { name: string; coalesce: boolean; asking: Fields }[] = [
    { name: 'shared', coalesce: true, asking: {} },
    { name: 'alone', coalesce: false, asking: {} },
    { name: 'with a condition', coalesce: true, asking: { 'If-None-Match': '"v0"' } },
  ]
  for (const { name, coalesce, asking } of ways) {
    const app = await rig(t, { cache: { coalesce } })
    const reader = app.open('/x', asking)
    const ask = await app.next()
    await change(app, 'PUT', 204, {})
    ask.answer(200, fresh(), 'old')
    t.equal((await reader.answer()).body.toString(), 'old', 'who waited gets it')
    await app.whenQuiet()
    t.equal(await isHit(app, '/x'), false, name)
    reader.close()
  }
})

t.test('what is fetched between the change and its answer is not stored either', async t => {
  const app = await rig(t)
  const writer = app.open('/x', {}, 'PUT', 'body')
  const put = await app.next()
  const reader = app.open()
  const get = await app.next()
  get.answer(200, fresh(), 'old')
  await reader.answer()
  await app.whenStored()
  put.answer(204)
  await writer.answer('PUT')
  t.equal(await isHit(app, '/x'), false)
  for (const client of [reader, writer]) client.close()
})

t.test('keys that hold more than the address are made void as well', async t => {
  const key = { headers: ['X-Tenant'] }
  const { routeSettings, cacheOptionsSchema } = await import('../../../plugins/cache/options.ts')
  const { resolveOptions } = await import('../../../plugins/contract/index.ts')
  const settings = { ...routeSettings(resolveOptions('cache', cacheOptionsSchema, {})), key }
  const settingsFor = () => ({ route: 'wiki', identity: '', settings, etag: true, coalesce: true, startPages: [] })
  const app = await rig(t, { cache: { settingsFor }, answer: ask => ask.answer(200, fresh(), ask.fields['x-tenant']) })
  for (const tenant of ['a', 'b']) t.equal((await app.get('/x', { 'X-Tenant': tenant })).body.toString(), tenant)
  t.match(statusOf(await app.get('/x', { 'X-Tenant': 'a' })), /; hit/)
  await app.get('/x', { 'X-Tenant': 'a' }, 'PUT', 'body')
  for (const tenant of ['a', 'b']) t.notMatch(statusOf(await app.get('/x', { 'X-Tenant': tenant })), /; hit/)
})

t.test('a field that may make another method of a GET is not answered from the store, and makes void', async t => {
  const app = await stored(t, ['/x'])
  const got = app.get('/x', { 'X-HTTP-Method-Override': 'DELETE' })
  ;(await app.next()).answer(200, fresh(), 'deleted')
  const answered = await got
  t.equal(answered.body.toString(), 'deleted')
  t.match(statusOf(answered), /fwd=bypass; detail=override/)
  t.equal(await isHit(app, '/x'), false)
})
