import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { startDemo } from '../../../gateway/demo/index.ts'
import { ask, startTestDemo } from './support.ts'

t.test('the page is marked as a demo, names nothing outside and only relative addresses', async t => {
  const demo = await startTestDemo(t)
  const { status, headers, body } = await ask(demo, '/')
  const html = body.toString()
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/html; charset=utf-8')
  t.match(html, '<title>Hearthgate demo</title>')
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1] ?? '')
  t.ok(addresses.length > 10)
  t.strictSame(
    addresses.filter(address => !address.startsWith('data:') && /^(?:[a-z]+:|\/)/i.test(address)),
    [],
  )
  for (const address of new Set(addresses.filter(address => !address.startsWith('data:')))) {
    if (address === 'events' || address.startsWith('large') || address.startsWith('slow')) continue
    const answer = await ask(demo, `/${address}`, { method: 'HEAD' })
    t.not(answer.headers['cache-control'], undefined, `${address} exists`)
  }
})

t.test('the assets are immutable, carry the hash of their bytes and answer 304 to their tag', async t => {
  const demo = await startTestDemo(t)
  const html = (await ask(demo, '/')).body.toString()
  const paths = [...html.matchAll(/"(assets\/(?:app|style)\.([0-9a-f]+)\.(?:js|css))"/g)]
  t.ok(paths.length >= 2)
  for (const [, path, hash] of paths) {
    const { status, headers, body } = await ask(demo, `/${path}`)
    t.equal(status, 200)
    t.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    t.ok(
      createHash('sha256')
        .update(body)
        .digest('hex')
        .startsWith(hash ?? '-'),
    )
    for (const field of [headers.etag, `"x", W/${headers.etag}`, '*']) {
      const again = await ask(demo, `/${path}`, { headers: { 'if-none-match': field } })
      t.equal(again.status, 304)
      t.equal(again.body.length, 0)
    }
  }
})

t.test('every answer says which server it is from, errors and bad requests too', async t => {
  const demo = await startTestDemo(t)
  for (const path of ['/', '/nothing', '/api/json', '/status/500', '/status/204', '/flaky', '/upload', '/ws', '//']) {
    const { headers } = await ask(demo, path)
    t.equal(headers.server, 'hearthgate-demo', path)
  }
  const socket = connect(Number(new URL(demo.url).port), '127.0.0.1')
  socket.end('no http\r\n\r\n')
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  t.match(bytes.toString(), /^HTTP\/1\.1 400 .*\r\nServer: hearthgate-demo\r\n/)
})

t.test('paths and methods that do not exist get 404 and 405', async t => {
  const demo = await startTestDemo(t)
  t.equal((await ask(demo, '/nothing')).status, 404)
  t.equal((await ask(demo, '//')).status, 400)
  const post = await ask(demo, '/api/time', { method: 'POST', body: Buffer.from('x') })
  t.strictSame([post.status, post.headers.allow], [405, 'GET, HEAD'])
  t.strictSame((await ask(demo, '/upload')).headers.allow, 'POST, PUT')
  t.equal((await ask(demo, '/headers', { method: 'TRACE' })).status, 405)
  t.equal((await ask(demo, '/ws')).status, 426)
})

t.test('HEAD has the head of GET and no body', async t => {
  const demo = await startTestDemo(t)
  for (const path of ['/', '/api/json', '/range', '/large?mb=3', '/status/418']) {
    const head = await ask(demo, path, { method: 'HEAD' })
    const get = await ask(demo, path)
    t.equal(head.body.length, 0)
    t.equal(head.status, get.status)
    t.equal(Number(get.headers['content-length']), get.body.length, path)
    if (path !== '/api/json') t.equal(head.headers['content-length'], get.headers['content-length'])
  }
})

t.test('the JSON is some KiB, fresh for ten seconds and counts what the origin made', async t => {
  const demo = await startTestDemo(t)
  const first = await ask(demo, '/api/json')
  const second = await ask(demo, '/api/json')
  t.equal(first.headers['cache-control'], 'max-age=10')
  t.ok(first.body.length > 4096 && first.body.length < 65_536)
  t.equal(JSON.parse(second.body.toString()).answersMade, JSON.parse(first.body.toString()).answersMade + 1)
  const time = await ask(demo, '/api/time')
  t.equal(time.headers['cache-control'], 'no-store')
  t.ok(Math.abs(JSON.parse(time.body.toString()).unixMs - Date.now()) < 60_000)
})

t.test('any status from 200 to 599 is given, others are refused', async t => {
  const demo = await startTestDemo(t)
  const cases = [200, 204, 205, 301, 304, 401, 404, 451, 500, 503, 599]
  for (const code of cases) t.equal((await ask(demo, `/status/${code}`)).status, code)
  for (const text of ['199', '600', 'abc', '', '40.4', '1e9']) t.equal((await ask(demo, `/status/${text}`)).status, 400)
  t.equal((await ask(demo, '/status/404', { method: 'DELETE' })).status, 404)
})

t.test('the headers are shown as they arrived, but the value of a secret is not', async t => {
  const demo = await startTestDemo(t)
  const headers = { 'X-Mixed-Case': 'yes', Cookie: 'sid=hunter2', Authorization: 'Bearer hunter2' }
  const { body } = await ask(demo, '/headers?a=1', { method: 'PUT', headers, body: Buffer.from('x') })
  const seen = JSON.parse(body.toString())
  t.strictSame([seen.method, seen.target], ['PUT', '/headers?a=1'])
  t.ok(seen.headers.some(([name, value]: [string, string]) => name === 'X-Mixed-Case' && value === 'yes'))
  t.ok(seen.headers.some(([name]: [string]) => name === 'Cookie'))
  t.notMatch(body.toString(), 'hunter2')
})

t.test('the flaky endpoint fails every second request and says when to come back', async t => {
  const demo = await startTestDemo(t)
  const answers = []
  for (let i = 0; i < 4; i++) answers.push(await ask(demo, '/flaky'))
  t.strictSame(
    answers.map(answer => [answer.status, answer.headers['retry-after']]),
    [
      [503, '1'],
      [200, undefined],
      [503, '1'],
      [200, undefined],
    ],
  )
})

t.test('the slow endpoint waits, and forgets a client that leaves', async t => {
  const demo = await startTestDemo(t)
  const startedAt = performance.now()
  const { body } = await ask(demo, '/slow?ms=80')
  t.ok(performance.now() - startedAt >= 75)
  t.strictSame(JSON.parse(body.toString()), { waitedMs: 80 })
  const impatient = request(`${demo.url}/slow?ms=99999999`, { agent: false })
  impatient.on('error', () => {})
  impatient.end()
  await once(impatient, 'socket')
  impatient.destroy()
  await demo.close()
})

t.test('an upload is counted and hashed, with a length or chunked', async t => {
  const demo = await startTestDemo(t)
  const body = Buffer.alloc(3_000_001, 'hearth')
  const sha256 = createHash('sha256').update(body).digest('hex')
  for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
    for (const method of ['POST', 'PUT']) {
      const answer = JSON.parse((await ask(demo, '/upload', { method, headers, body })).body.toString())
      t.match(answer, { bytes: body.length, sha256 })
      t.type(answer.ms, 'number')
    }
  }
})

t.test('closing ends what is under way and frees the port', async t => {
  const demo = await startDemo()
  const res = await fetch(`${demo.url}/events`)
  const rest = res.text().then(
    () => 'ended',
    () => 'cut',
  )
  await Promise.all([demo.close(), demo.close()])
  t.match(await rest, /ended|cut/)
  await t.rejects(fetch(demo.url))
})
