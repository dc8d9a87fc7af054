/**
 * The cache over the admin API: what it tells, what it forgets, and who may ask for it.
 */
import t, { type Test } from 'tap'
import { temporaryFolder } from '../plugins/cache/stores/support.ts'
import { base, startGateway, type TestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { eventually, originFor } from './support.ts'

interface Answered {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Tags are the last segment of the path. */
async function cachingGateway(t: Test, more = '', known?: string): Promise<TestGateway & { readonly origin: string }> {
  const url = known ?? (await openOrigin(t))
  const gateway = await startGateway(
    t,
    `${base}${more}routes:
  - { name: wiki, match: { host: wiki.test }, upstream: "${url}" }
  - { name: notes, match: { host: wiki.test, path: /notes }, rewrite_path: /, upstream: "${url}" }
  - { name: photos, match: { host: photos.test }, upstream: "${url}" }
`,
  )
  return { ...gateway, origin: url }
}

async function openOrigin(t: Test): Promise<string> {
  const { url } = await originFor(t, ({ target }, socket) => {
    const tag = target.slice(target.lastIndexOf('/') + 1)
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600', 'Surrogate-Key': `${tag} every` }, target))
  })
  return url
}

/** What the cache says of a request: `hit`, or `fwd` with its reason. */
async function ask({ port }: TestGateway, host: string, target: string): Promise<string> {
  const { headers } = await exchange(port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  return headers['cache-status'] ?? ''
}

/** Asks until the answer comes from the store. */
async function fill(gateway: TestGateway, host: string, target: string): Promise<void> {
  await eventually(async () => (await ask(gateway, host, target)).includes('hit'))
}

async function purge({ adminUrl }: TestGateway, body: unknown, more: Record<string, string> = {}): Promise<Answered> {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1', ...more }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${adminUrl}/api/cache/purge`, { method: 'POST', headers, body: text })
  return { status: response.status, body: (await response.json()) as Answered['body'] }
}

t.test('a purge by address forgets that address, however its host is written', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, 'wiki.test', '/a')
  await fill(gateway, 'wiki.test', '/a?b')
  const purged = await purge(gateway, { url: 'HTTP://Wiki.Test:80/a#part' })
  t.strictSame(purged, { status: 200, body: { removed: 1, complete: true } })
  t.notMatch(await ask(gateway, 'wiki.test', '/a'), 'hit')
  t.match(await ask(gateway, 'wiki.test', '/a?b'), 'hit')
  t.strictSame((await purge(gateway, { url: 'http://wiki.test/A' })).body, { removed: 0, complete: true })
})

t.test('an address is the one that browsers use, not the one that goes to the origin', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, 'wiki.test', '/notes/x')
  t.match((await purge(gateway, { url: 'http://wiki.test/x' })).body, { removed: 0 })
  t.match((await purge(gateway, { url: 'http://wiki.test/notes/x' })).body, { removed: 1 })
})

t.test('a purge by beginning, by tag, by route and of everything forgets just that', async t => {
  const gateway = await cachingGateway(t)
  const everything = async () => {
    for (const target of ['/img/a', '/img/b', '/imgs', '/notes/c']) await fill(gateway, 'wiki.test', target)
    await fill(gateway, 'photos.test', '/img/a')
  }
  const cases: [object, removed: number][] = [
    [{ prefix: 'http://wiki.test/img/' }, 2],
    [{ prefix: 'http://WIKI.test' }, 4],
    [{ tag: 'a' }, 2],
    [{ tag: 'every' }, 5],
    [{ route: 'wiki' }, 3],
    [{ route: 'photos' }, 1],
    [{ all: true }, 5],
  ]
  for (const [body, removed] of cases) {
    await everything()
    t.strictSame((await purge(gateway, body)).body, { removed, complete: true }, JSON.stringify(body))
  }
  t.match(await gateway.admin('/api/cache'), { store: { entries: 0 } })
})

t.test('anything but one selector is refused with what to write, and nothing is forgotten', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, 'wiki.test', '/a')
  const cases: [unknown, RegExp][] = [
    [{}, /exactly one of/],
    [{ url: 'http://wiki.test/a', all: true }, /exactly one of/],
    [{ path: '/a' }, /unknown key "path"/],
    [{ url: '/a' }, /whole address/],
    [{ all: 'yes' }, /"all" can only be true/],
    [{ route: 'wikki' }, /there is no route "wikki"; the routes are: wiki, notes, photos/],
    ['{"all":', /JSON/],
    ['', /JSON|empty/],
    ['[]', /write one of/],
  ]
  for (const [body, error] of cases) {
    const refused = await purge(gateway, body)
    t.equal(refused.status, 400, JSON.stringify(body))
    t.match(refused.body['error'], error, JSON.stringify(body))
  }
  t.match(await ask(gateway, 'wiki.test', '/a'), 'hit')
})

t.test('a purge is for those who may use the admin API', async t => {
  const token = 'a-token-of-more-than-16'
  const gateway = await cachingGateway(t)
  await fill(gateway, 'wiki.test', '/a')
  t.equal((await purge(gateway, { all: true }, { 'x-hearthgate': '0' })).status, 403)
  t.equal((await purge(gateway, { all: true }, { 'content-type': 'text/plain' })).status, 403)
  t.match(await ask(gateway, 'wiki.test', '/a'), 'hit')
  const spelled = { 'content-type': 'Application/JSON; charset=utf-8' }
  t.equal((await purge(gateway, { all: true }, spelled)).status, 200, 'whatever the letter case (RFC 9110 §8.3.1)')
  const locked = await startGateway(
    t,
    `${base.replace('admin: { ', `admin: { token: ${token}, `)}routes:\n  - { name: no, deny: true }\n`,
  )
  t.equal((await purge(locked, { all: true })).status, 401)
  t.equal((await fetch(`${locked.adminUrl}/api/cache`)).status, 401)
  t.equal((await purge(locked, { all: true }, { authorization: `Bearer ${token}` })).status, 200)
})

t.test('the routes that may be named are those of the last reload', async t => {
  const gateway = await cachingGateway(t)
  t.ok(await gateway.rewrite(`${base}routes:\n  - { name: fresh, upstream: "${gateway.origin}" }\n`))
  t.equal((await purge(gateway, { route: 'wiki' })).status, 400)
  t.equal((await purge(gateway, { route: 'fresh' })).status, 200)
})

t.test('the numbers of the cache are told as JSON', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, 'wiki.test', '/a')
  t.match(await ask(gateway, 'wiki.test', '/a'), 'hit')
  const stats = (await gateway.admin('/api/cache')) as { store: Record<string, unknown> }
  t.match(stats, {
    store: { kind: 'memory', entries: 1, stored: 1, available: true },
    fills: 0,
    waiters: 0,
    outcomes: { miss: 1 },
  })
})

t.test('a disk keeps its answers over a restart, and forgets what is purged for good', async t => {
  const store = `store: disk:${temporaryFolder(t)}/cache\n`
  const first = await cachingGateway(t, store)
  await fill(first, 'wiki.test', '/a')
  await fill(first, 'wiki.test', '/b')
  t.match(await first.admin('/api/cache'), { store: { kind: /disk/, entries: 2 } })
  t.match((await purge(first, { url: 'http://wiki.test/a' })).body, { removed: 1, complete: true })
  await first.gateway.close(500)
  const second = await cachingGateway(t, store, first.origin)
  t.notMatch(await ask(second, 'wiki.test', '/a'), 'hit')
  t.match(await ask(second, 'wiki.test', '/b'), 'hit')
})
