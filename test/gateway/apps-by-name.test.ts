/** What the keys for apps do on the wire, without a preset. */
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../support/raw-origin.ts'

const ask = (port: number, line: string, ...fields: string[]) =>
  exchange(port, `${line} HTTP/1.1\r\nHost: home.test\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`)

async function originOf(t: { teardown(fn: () => unknown): void }): Promise<RawOrigin> {
  const origin = await rawOrigin((_request, socket) => socket.write(answer(200, { ETag: '"a"' }, 'fine')))
  t.teardown(() => origin.close())
  return origin
}

t.test('a Destination is held to the rules of requests', async t => {
  const origin = await originOf(t)
  const other = await originOf(t)
  const { port } = await startGateway(
    t,
    `${base}routes:
  - { name: dav, upstream: "${origin.url}", match: { path: /dav } }
  - { name: same, upstream: "${origin.url}", match: { path: /same }, rewrite_path: /below }
  - { name: guarded, upstream: "${origin.url}", match: { path: /guarded }, access: { allow: [127.0.0.1] } }
  - { name: keep, upstream: "${other.url}", webdav: { destination: keep }, match: { path: /keep } }
  - { name: secret, deny: true, match: { path: /dav/secret } }
`,
  )
  const move = (from: string, to: string) => ask(port, `MOVE ${from}`, `Destination: ${to}`)

  await t.test('one that is denied is refused on every route', async t => {
    for (const from of ['/dav/a', '/keep/a']) {
      const { status, body } = await move(from, 'http://home.test/dav/%73ecret/a')
      t.equal(status, 403)
      t.match(body.toString(), /HG_DENIED/)
    }
    t.equal(origin.requests.length, 0)
  })

  await t.test('one of another route is on another server', async t => {
    const { status, body } = await move('/dav/a', 'http://home.test/keep/a')
    t.equal(status, 502)
    t.match(body.toString(), /HG_DESTINATION/)
    t.equal(origin.requests.length, 0)
  })

  await t.test('one of another route to the same app is told as that route would', async t => {
    t.equal((await move('/dav/a', 'http://home.test/same/b')).status, 200)
    t.equal(origin.requests.at(-1)?.headers['destination'], 'http://home.test/below/b')
    t.equal((await move('/dav/a', 'http://home.test/guarded/b')).status, 502, 'but not past its guard')
  })

  await t.test('a route can say that addresses stay as they came', async t => {
    t.equal((await move('/keep/a', 'https://home.test/dav/a')).status, 200)
    t.equal(other.requests.at(-1)?.headers['destination'], 'https://home.test/dav/a')
  })

  await t.test('one that cannot be read is refused', async t => {
    t.equal((await move('/dav/a', 'a b')).status, 400)
  })

  await t.test('one of another host goes through as it came, for the app to refuse', async t => {
    t.equal((await move('/dav/a', 'http://other.test/dav/a')).status, 200)
    t.equal(origin.requests.at(-1)?.headers['destination'], 'http://other.test/dav/a')
  })

  await t.test('methods that have no Destination keep theirs', async t => {
    t.equal((await ask(port, 'GET /dav/a', 'Destination: Vienna West')).status, 200)
    t.equal(origin.requests.at(-1)?.headers['destination'], 'Vienna West')
  })
})

t.test('places in values are filled for requests and upgrades alike', async t => {
  const origin = await originOf(t)
  const { port } = await startGateway(
    t,
    `${base}routes:
  - name: app
    match: { path: /sub }
    rewrite_path: /
    upstream: "${origin.url}"
    headers: { request: { set: { X-Base: "{proto}://{host}{prefix}" } } }
`,
  )
  await ask(port, 'GET /sub/a', 'X-Base: forged')
  t.equal(origin.requests.at(-1)?.headers['x-base'], 'http://home.test/sub')
  await ask(port, 'GET /sub/ws', 'Connection: Upgrade', 'Upgrade: websocket', 'X-Base: forged')
  t.equal(origin.requests.at(-1)?.headers['x-base'], 'http://home.test/sub')
})

t.test('what the cache never keeps is asked for again in any spelling', async t => {
  let count = 0
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600' }, `body ${++count}`)),
  )
  t.teardown(() => origin.close())
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, upstream: "${origin.url}", cache: { never: [/api] } }\n`,
  )
  for (const path of ['/api/x', '/API/x', '//api/x', '/%61pi/x', '/api;a=b/x', '/api%2fx']) {
    const bodies = [await ask(port, `GET ${path}`), await ask(port, `GET ${path}`)].map(({ body }) => body.toString())
    t.not(bodies[0], bodies[1], path)
  }
  const kept = [await ask(port, 'GET /apis'), await ask(port, 'GET /apis')].map(({ body }) => body.toString())
  t.equal(kept[0], kept[1])
})

t.test('what the app says of a lifetime wins over `immutable`', async t => {
  let count = 0
  const origin = await rawOrigin(({ target }, socket) => {
    const says: Record<string, string> = {}
    if (target !== '/assets/unmarked.js') says['Cache-Control'] = target.slice('/assets/'.length).replace('+', ', ')
    socket.write(answer(200, { 'Content-Type': 'text/javascript', ...says }, `body ${++count}`))
  })
  t.teardown(() => origin.close())
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, upstream: "${origin.url}", cache: { immutable: [/assets] } }\n`,
  )
  const isKept = async (path: string) =>
    (await ask(port, `GET ${path}`)).body.equals((await ask(port, `GET ${path}`)).body)
  t.ok(await isKept('/assets/unmarked.js'))
  for (const says of ['no-store', 'private', 'no-cache', 'max-age=0']) t.notOk(await isKept(`/assets/${says}`), says)
  t.notOk(await isKept('/assets/../unmarked.js'))
})
