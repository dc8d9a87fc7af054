/** What is not stored and why, what the app's settings change, and routes that are left alone. */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { RawAnswer } from '../../support/raw-client.ts'
import { type Ask, type Fields, fresh, type Rig, rig, statusOf } from './rig.ts'

const isHit = (answer: RawAnswer) => /^hearthgate; hit/.test(statusOf(answer))

/** Whether a second request is answered from the store; the origin answers with the same otherwise. */
async function isKept(app: Rig, give: (ask: Ask) => unknown, target = '/x', asking: Fields = {}): Promise<boolean> {
  await app.answered(app.get(target, asking), give)
  await app.whenQuiet()
  return isHit(await app.answered(app.get(target, asking), give))
}

t.test('what may not be shared is not stored, and says why', async t => {
  const cases: [string, Fields, Fields][] = [
    ['private', { 'Cache-Control': 'private, max-age=60' }, {}],
    ['no-store', { 'Cache-Control': 'no-store' }, {}],
    ['set-cookie', { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=1' }, {}],
    ['vary-star', { 'Cache-Control': 'max-age=60', Vary: '*' }, {}],
    ['vary-cookie', { 'Cache-Control': 'max-age=60', Vary: 'Cookie' }, {}],
    ['vary-authorization', { 'Cache-Control': 'max-age=60', Vary: 'Authorization' }, {}],
    ['authorization', { 'Cache-Control': 'max-age=60' }, { Authorization: 'Basic x' }],
    ['authorization', { 'Cache-Control': 'max-age=60' }, { 'X-Api-Key': 'x' }],
    ['request-no-store', { 'Cache-Control': 'max-age=60' }, { 'Cache-Control': 'no-store' }],
    ['event-stream', { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/event-stream' }, {}],
    ['cookie-unmarked', { ETag: '"v1"' }, { Cookie: 'a=1' }],
    ['nothing-to-reuse', {}, {}],
  ]
  for (const [reason, fields, asking] of cases) {
    const app = await rig(t)
    const got = await app.answered(app.get('/x', asking), ask => ask.answer(200, fields, 'body'))
    t.equal(got.body.toString(), 'body')
    t.match(statusOf(got), new RegExp(`^hearthgate; fwd=[a-z-]+; detail=${reason}$`))
    t.equal(await app.entries(), 0, reason)
  }
})

t.test('what somebody with credentials brought is for all where the origin says so', async t => {
  for (const control of ['public, max-age=60', 's-maxage=60', 'max-age=60, must-revalidate']) {
    const app = await rig(t)
    const give = (ask: Ask) => ask.answer(200, { 'Cache-Control': control }, 'body')
    t.ok(await isKept(app, give, '/x', { Authorization: 'Basic x' }), control)
    t.ok(isHit(await app.get()), control)
  }
  const app = await rig(t)
  await app.store(fresh(), 'for strangers')
  const got = await app.answered(app.get('/x', { Authorization: 'Basic x' }), ask => ask.answer(200, fresh(), 'own'))
  t.equal(got.body.toString(), 'own', 'who has credentials is not given what strangers see')
})

t.test('the app’s own settings count', async t => {
  const modified: Fields = { 'Last-Modified': new Date(Date.now() - 100_000_000).toUTCString() }
  const cookie: Fields = { 'Cache-Control': 'max-age=60', Vary: 'Cookie' }
  const guess = await rig(t, { cache: { heuristicFreshness: 0.1 } })
  t.ok(await isKept(guess, ask => ask.answer(200, modified, 'old')), 'a lifetime is guessed')
  const none = await rig(t)
  t.notOk(await isKept(none, ask => ask.answer(ask.fields['if-modified-since'] ? 304 : 200, modified, 'old')))
  const varied = await rig(t, { cache: { storeCookieVary: true } })
  const give = (ask: Ask) => ask.answer(200, cookie, ask.fields['cookie'])
  for (const own of ['a=1', 'a=2']) t.ok(await isKept(varied, give, '/x', { Cookie: own }), 'one a cookie')
  t.equal((await varied.get('/x', { Cookie: 'a=1' })).body.toString(), 'a=1')
})

t.test('a route is left alone where the app says so', async t => {
  const prepare = (app: FastifyInstance) => {
    app.get('/alone', { config: { cache: false } }, (_request, reply) => void reply.proxy())
    app.get('/cached', (_request, reply) => void reply.proxy())
  }
  const site = { proto: 'http' as const, host: 'app.test', port: 80 }
  const call = (target: string) => ({
    ...{ upstream: 'app', route: 'own', target, host: 'app.test', requestId: 'x', strippedPrefix: null, mountBase: '' },
    client: { ...{ peer: '127.0.0.1', address: '127.0.0.1', isPeerTrusted: false }, ...site },
    requestRules: { set: {}, remove: [] },
    answerRules: { set: {}, remove: [] },
    maxBodyBytes: null,
    bodyIdleMs: 1_000,
  })
  const app = await rig(t, {
    prepare,
    proxy: { upstream: undefined, callFor: (request: { url: string }) => call(request.url) } as never,
  })
  const give = (ask: Ask) => ask.answer(200, { 'Cache-Control': 'max-age=60' }, 'body')
  t.ok(await isKept(app, give, '/cached'))
  t.notOk(await isKept(app, give, '/alone'))
  const got = await app.answered(app.get('/alone'), give)
  t.equal(got.headers['cache-status'], undefined)
  t.equal(got.headers['etag'], undefined)
})
