/**
 * What attacks on the response cache have found of its keys, and of what makes stored answers void.
 */
import t from 'tap'
import { exchange } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'
import { cacheStatus, config, get, open, purge, request } from './cache-attack-support.ts'

t.test('purges by address find what was asked for with parameters that do not count', async t => {
  const { port, gateway } = await open(
    t,
    (_request, socket) => socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, 'page')),
    { cache: 'key: { ignore_query: ["utm_*"] }' },
  )
  await exchange(port, get('/page?utm_source=x'))
  t.match(await purge(gateway, { url: 'http://site.test/page' }), { removed: 1 })
  t.notMatch(cacheStatus(await exchange(port, get('/page'))), 'hit')
})

t.test('a HEAD with a parameter that does not count changes nothing that is stored', async t => {
  const { port } = await open(
    t,
    ({ method, target }, socket) => {
      const evil = target.includes('utm_x') ? { Link: '<//evil.test/x.css>; rel=stylesheet' } : {}
      const bytes = answer(200, { 'Cache-Control': 'max-age=1', ETag: '"1"', ...evil }, 'page')
      socket.write(method === 'HEAD' ? bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4) : bytes)
    },
    { cache: 'key: { ignore_query: ["utm_*"] }' },
  )
  await exchange(port, get('/page'))
  await exchange(port, request('HEAD', '/page?utm_x=1', 'Cache-Control: no-cache'))
  const next = await exchange(port, get('/page'))
  t.match(cacheStatus(next), 'hit')
  t.equal(next.headers['link'], undefined)
})

t.test('what a trusted proxy passes on of a client does not choose what others get', async t => {
  for (const line of [
    'X-Forwarded-Port: 666',
    'X-Forwarded-Prefix: /evil',
    'X-Forwarded-Server: evil',
    'Forwarded: host=evil',
  ]) {
    await t.test(line, async t => {
      const { port } = await open(
        t,
        ({ headers }, socket) => {
          const [name = ''] = line.toLowerCase().split(':')
          socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, `said ${headers[name]}`))
        },
        { top: 'trusted_proxies: [127.0.0.1]\n' },
      )
      const evil = await exchange(port, get('/page', line))
      const plain = await exchange(port, get('/page'))
      t.match(evil.body.toString(), /666|evil/)
      t.notMatch(plain.body.toString(), /666|evil/, cacheStatus(plain))
    })
  }
})

t.test('an answer for a user whom a trusted proxy names is not for the next one', async t => {
  const { port } = await open(
    t,
    ({ headers }, socket) =>
      socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, `for ${headers['remote-user']}`)),
    { top: 'trusted_proxies: [127.0.0.1]\n' },
  )
  await exchange(port, get('/page', 'Remote-User: ann'))
  t.equal((await exchange(port, get('/page', 'Remote-User: bob'))).body.toString(), 'for bob')
})

t.test('a stranger who is sent to the login page by DELETE does not empty the store', async t => {
  const { port } = await open(t, ({ method }, socket) =>
    socket.write(
      method === 'DELETE'
        ? answer(302, { Location: '/login' })
        : answer(200, { 'Cache-Control': 'max-age=600' }, 'page'),
    ),
  )
  await exchange(port, get('/a/b'))
  await exchange(port, request('DELETE', '/'))
  t.match(cacheStatus(await exchange(port, get('/a/b'))), 'hit')
})

t.test('a cache that was off while something changed does not remember what was before', async t => {
  let version = 1
  const { port, origin, gateway } = await open(t, ({ method }, socket) => {
    if (method === 'POST') version++
    socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, `version ${version}`))
  })
  const on = config(origin.url)
  await exchange(port, get('/page'))
  t.ok(await gateway.rewrite(on.replace('cache: { enabled: true }', 'cache: false')))
  await exchange(port, request('POST', '/page', 'Content-Length: 0'))
  t.ok(await gateway.rewrite(on))
  t.equal((await exchange(port, get('/page'))).body.toString(), 'version 2')
})

t.test('another origin behind a route is not answered for by the one before', async t => {
  const second = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, 'second')),
  )
  t.teardown(() => second.close())
  const { port, gateway } = await open(t, (_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, 'first')),
  )
  await exchange(port, get('/page'))
  t.ok(await gateway.rewrite(config(second.url)))
  t.equal((await exchange(port, get('/page'))).body.toString(), 'second')
})
