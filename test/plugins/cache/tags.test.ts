/** Weak entity tags of the gateway's own, for answers that come without a validator. */
import http2 from 'node:http2'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { answers, type Fields, rig, statusOf, tagOf } from './rig.ts'

const html: Fields = { 'Content-Type': 'text/html', 'Cache-Control': 'private' }

t.test('a second visit costs no body', async t => {
  for (const { name, direct } of waysOut) {
    const app = await rig(t, {
      proxy: { direct },
      answer: ask => ask.answer(200, { ...html, Vary: 'Cookie', 'X-Own': 'yes' }, 'page'),
    })
    const first = await app.get()
    t.equal(first.headers['etag'], tagOf('page'), name)
    t.equal(first.body.toString(), 'page')
    t.equal(first.headers['content-length'], '4')
    for (const known of [tagOf('page'), `"other", ${tagOf('page')}`, tagOf('page').slice(2), '*']) {
      const second = await app.get('/x', { 'If-None-Match': known })
      t.equal(second.status, 304, `${known} ${name}`)
      t.equal(second.headers['etag'], tagOf('page'))
      t.equal(second.headers['vary'], 'Cookie')
      t.equal(second.headers['cache-control'], 'private')
      t.equal(second.headers['x-own'], 'yes')
      t.equal(second.headers['content-type'], undefined)
      t.equal(second.headers['content-length'], undefined)
      t.equal(second.headers['transfer-encoding'], undefined)
    }
    const other = await app.get('/x', { 'If-None-Match': 'W/"other"' })
    t.equal(other.status, 200)
    t.equal(other.body.toString(), 'page')
    t.equal(app.asked, 6, 'the origin made every answer')
  }
})

t.test('the connection goes on after a 304 that the gateway made', async t => {
  const app = await rig(t, { answer: ask => ask.answer(200, html, 'page') })
  const client = app.open('/x', { 'If-None-Match': tagOf('page') })
  t.equal((await client.answer()).status, 304)
  client.send('GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n')
  t.equal((await client.answer()).body.toString(), 'page')
  client.close()
  t.equal(app.origin.connections, 1, 'and so does that to the origin')
})

t.test('chunked answers and empty ones have a tag and a length', async t => {
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    for (const chunks of [['one ', 'two'], []]) {
      const got = app.get()
      const ask = await app.next()
      ask.begin(200, html)
      for (const chunk of chunks) ask.chunk(chunk)
      ask.end()
      const answer = await got
      t.equal(answer.headers['etag'], tagOf(chunks.join('')))
      t.equal(answer.headers['content-length'], String(chunks.join('').length))
      t.equal(answer.headers['transfer-encoding'], undefined)
      t.equal(answer.body.toString(), chunks.join(''))
    }
  }
})

t.test('what is stored has the tag that its first client was told', async t => {
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    const first = await app.store({ 'Cache-Control': 'max-age=60', 'Content-Type': 'text/css' }, 'body')
    await app.whenStored()
    const second = await app.get()
    t.match(statusOf(second), /; hit/)
    t.equal(first.headers['etag'], tagOf('body'))
    t.equal(second.headers['etag'], tagOf('body'))
    const third = await app.get('/x', { 'If-None-Match': tagOf('body') })
    t.equal(third.status, 304)
    t.equal(third.headers['etag'], tagOf('body'))
    t.match(statusOf(third), /; hit/)
    const head = await app.get('/x', {}, 'HEAD')
    t.equal(head.headers['etag'], tagOf('body'))
    t.equal(app.asked, 1)
  }
})

t.test('those who wait for one answer are each told of it by what they have', async t => {
  const app = await rig(t)
  const fields: Fields = { 'Cache-Control': 'max-age=60' }
  await app.store(fields, 'body')
  await app.app.cache.purge({ by: 'all' })
  const without = app.open()
  const having = app.open('/x', { 'If-None-Match': tagOf('body') })
  t.teardown(() => [without, having].forEach(client => void client.close()))
  await app.whenWaiting(2)
  ;(await app.next()).answer(200, fields, 'body')
  const [whole, confirmed] = (await answers([without, having])) as [RawAnswer, RawAnswer]
  t.equal(whole.status, 200)
  t.equal(whole.headers['etag'], tagOf('body'))
  t.equal(confirmed.status, 304)
  t.equal(confirmed.headers['etag'], tagOf('body'))
  t.equal(app.asked, 2)
})

t.test('a stored answer whose tag is the gateway’s own is fetched anew when it is stale', async t => {
  const app = await rig(t)
  // An origin does not know the gateway's tags.
  const fields: Fields = { 'Cache-Control': 'max-age=60, stale-if-error=600', Age: 61 }
  await app.store(fields, 'body')
  const got = app.get('/x', { 'If-None-Match': tagOf('body') })
  const ask = await app.next()
  ask.answer(200, fields, 'body')
  const answer = await got
  t.equal(answer.status, 304)
  t.equal(answer.headers['etag'], tagOf('body'))
  const failed = app.get('/x', { 'If-None-Match': tagOf('body') })
  ;(await app.next()).answer(503)
  const standIn = await failed
  t.equal(standIn.status, 304)
  t.match(statusOf(standIn), /detail=stale-if-error/)
})

t.test('an answer is left as it is where a tag would help nobody', async t => {
  const cases: [string, number, Fields, Fields, string][] = [
    ['its own tag', 200, { ...html, ETag: '"v1"' }, {}, 'GET'],
    ['its own weak tag', 200, { ...html, ETag: 'W/"v1"' }, {}, 'GET'],
    ['a date', 200, { ...html, 'Last-Modified': 'Mon, 02 Nov 2026 10:00:00 GMT' }, {}, 'GET'],
    ['no-store', 200, { 'Cache-Control': 'no-store' }, {}, 'GET'],
    ['private, no-store', 200, { 'Cache-Control': 'private, no-store' }, {}, 'GET'],
    ['a part', 206, { ...html, 'Content-Range': 'bytes 0-3/10' }, { Range: 'bytes=0-3' }, 'GET'],
    ['a range that was ignored', 200, html, { Range: 'bytes=0-3' }, 'GET'],
    ['not found', 404, html, {}, 'GET'],
    ['a redirect', 302, { ...html, Location: '/y' }, {}, 'GET'],
    ['an error', 500, html, {}, 'GET'],
    ['POST', 200, html, {}, 'POST'],
    ['PROPFIND', 200, html, {}, 'PROPFIND'],
    ['HEAD', 200, { ...html, 'Content-Length': 4 }, {}, 'HEAD'],
    ['a film', 200, { 'Content-Type': 'video/mp4' }, {}, 'GET'],
    ['music', 200, { 'Content-Type': 'audio/mpeg' }, {}, 'GET'],
  ]
  for (const [name, status, fields, asking, method] of cases) {
    const app = await rig(t)
    const got = app.get('/x', asking, method, method === 'POST' ? 'body' : '')
    const ask = await app.next()
    await ask.request.complete
    ask.answer(status, fields, 'page')
    const answer = await got
    t.equal(answer.status, status, name)
    t.equal(answer.headers['etag'], fields['ETag'], name)
    if (method !== 'HEAD') t.equal(answer.body.toString(), 'page', name)
    const again = app.get('/x', { ...asking, 'If-None-Match': tagOf('page') }, method, method === 'POST' ? 'body' : '')
    const second = await app.next()
    await second.request.complete
    second.answer(status, fields, 'page')
    t.equal((await again).status, status, `${name}, asked with the tag that it would have`)
  }
})

t.test('tags are off where the app says so', async t => {
  const app = await rig(t, { cache: { etag: false }, answer: ask => ask.answer(200, html, 'page') })
  t.equal((await app.get()).headers['etag'], undefined)
  t.equal((await app.get('/x', { 'If-None-Match': tagOf('page') })).status, 200)
  const storing = await rig(t, { cache: { etag: false } })
  await storing.store({ 'Cache-Control': 'max-age=60' }, 'page')
  await storing.whenStored()
  const hit = await storing.get('/x', { 'If-None-Match': tagOf('page') })
  t.equal(hit.status, 200)
  t.equal(hit.headers['etag'], undefined)
})

t.test('clients of HTTP/2 are told so as well', async t => {
  const app = await rig(t, { server: { http2: true }, answer: ask => ask.answer(200, html, 'page') })
  const session = http2.connect(`http://127.0.0.1:${app.port}`)
  t.teardown(() => session.destroy())
  const visit = async (fields: Record<string, string>) => {
    const stream = session.request({ ':path': '/x', ':authority': 'app.test', ...fields })
    let head: http2.IncomingHttpHeaders = {}
    stream.on('response', headers => {
      head = headers
    })
    const body = (await stream.setEncoding('utf8').toArray()).join('')
    return { status: head[':status'], etag: head['etag'], body }
  }
  t.same(await visit({}), { status: 200, etag: tagOf('page'), body: 'page' })
  t.same(await visit({ 'if-none-match': tagOf('page') }), { status: 304, etag: tagOf('page'), body: '' })
})

t.test('a tag that cannot be read is no validator, and does not stand beside the gateway’s own', async t => {
  for (const fields of [
    { 'Cache-Control': 'max-age=60', ETag: '' },
    { 'Cache-Control': 'private', ETag: '' },
    { 'Cache-Control': 'private', 'Last-Modified': '0' },
  ] as Fields[]) {
    const app = await rig(t)
    const first = await app.store(fields, 'page')
    t.equal(first.headers['etag'], tagOf('page'), JSON.stringify(fields))
    const again = app.get('/x', { 'If-None-Match': tagOf('page') })
    const second = await app.answered(again, ask => ask.answer(200, fields, 'page'))
    t.equal(second.status, 304)
    t.equal(second.headers['etag'], tagOf('page'), JSON.stringify(fields))
  }
})
