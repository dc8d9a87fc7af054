/**
 * Demand E3: another release of an app must not break its pages. Its start page is asked about at each visit; when that is
 * another file, scripts without their version in their name are not served out of the store any more.
 */
import type { ServerResponse } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ask, cachingGateway, isHit } from './cache-support.ts'
import { eventually } from './support.ts'

interface App {
  readonly url: string
  /** Its release. */
  version: number
  /** Requests for the script. */
  scripts: number
  /** Validators of the start page. */
  tagOf: (version: number) => Record<string, string>
}

const files: Record<string, (version: number) => [type: string, control: string, body: string]> = {
  '/': version => ['text/html', 'no-cache', `<script src=app.js></script> page ${version}`],
  '/app.js': version => ['text/javascript', 'max-age=3600', `run(${version})`],
  '/chunk-abc.js': () => ['text/javascript', 'max-age=31536000, immutable', 'chunk'],
}

async function startApp(t: Test, prefix = ''): Promise<App> {
  const server = http.createServer((request, response: ServerResponse) => {
    const path = (request.url ?? '').slice(prefix.length)
    if (path === '/app.js') app.scripts++
    const [type, control, body] = (files[path] ?? files['/'])?.(app.version) ?? ['', '', '']
    const tags = path === '/' ? app.tagOf(app.version) : { etag: `"${body.length}-${app.version}"` }
    if (request.headers['if-none-match'] === tags['etag'] && tags['etag'] !== undefined)
      return void response.writeHead(304, { ...tags, 'cache-control': control }).end()
    response.writeHead(200, { 'content-type': type, 'cache-control': control, ...tags }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app: App = { url, version: 1, scripts: 0, tagOf: version => ({ etag: `"page-${version}"` }) }
  return app
}

async function visit(port: number, prefix = '', headers: Record<string, string> = {}): Promise<string[]> {
  const texts: string[] = []
  for (const path of ['/', '/app.js', '/chunk-abc.js']) {
    const got = await ask(port, prefix + path, { headers })
    texts.push(got.body.toString())
  }
  return texts
}

/** All three are in the store. */
async function whenStored(port: number, prefix = ''): Promise<void> {
  for (const path of ['/app.js', '/chunk-abc.js']) await eventually(async () => isHit(await ask(port, prefix + path)))
}

for (const store of ['memory', 'disk:./cache']) {
  t.test(`the scripts of the release before are gone with its page: ${store}`, async t => {
    const app = await startApp(t)
    const { port, admin } = await cachingGateway(t, app.url, `store: ${store}`)
    await visit(port)
    await whenStored(port)
    const before = app.scripts
    t.strictSame(await visit(port), [`<script src=app.js></script> page 1`, 'run(1)', 'chunk'])
    t.equal(app.scripts, before, 'the same release is served out of the store')
    app.version = 2
    t.match(await visit(port), [/page 2/, /^run\(2\)$/, /^chunk$/])
    t.ok(isHit(await ask(port, '/chunk-abc.js')), 'a name that holds its version stays')
    await whenStored(port)
    t.match(await visit(port), [/page 2/, /^run\(2\)$/, /^chunk$/])
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    t.match(metrics, /^hearthgate_cache_releases_total\{[^}]*route="cached"[^}]*\} 1$/m)
  })
}

t.test('somebody who has logged in gets a page that is not stored, and fitting scripts', async t => {
  const app = await startApp(t)
  const { port } = await cachingGateway(t, app.url)
  const headers = { cookie: 'session=1' }
  await visit(port, '', headers)
  await whenStored(port)
  t.notOk(isHit(await ask(port, '/', { headers })))
  // The browser asks whether its copy still holds.
  t.equal((await ask(port, '/', { headers: { ...headers, 'if-none-match': '"page-1"' } })).status, 304)
  app.version = 2
  t.match(await visit(port, '', { ...headers, 'if-none-match': '"page-1"' }), [/page 2/, /^run\(2\)$/, /^chunk$/])
})

t.test('an app below a path, mounted elsewhere', async t => {
  const app = await startApp(t, '/base')
  const { port } = await cachingGateway(t, app.url, '', 'match: { path: /notes }, rewrite_path: /base')
  await visit(port, '/notes')
  await whenStored(port, '/notes')
  app.version = 2
  t.match(await visit(port, '/notes'), [/page 2/, /^run\(2\)$/, /^chunk$/])
})

t.test('a page that is another at each look is no release; one that has settled is again', async t => {
  const app = await startApp(t)
  const { port } = await cachingGateway(t, app.url)
  for (let look = 0; look < 4; look++) {
    app.version++
    await visit(port)
    await whenStored(port)
  }
  const before = app.scripts
  app.version++
  t.match(await ask(port, '/'), { body: Buffer.from(`<script src=app.js></script> page ${app.version}`) })
  t.ok(isHit(await ask(port, '/app.js')), 'the origin’s own lifetime holds')
  t.equal(app.scripts, before)
  await ask(port, '/')
  app.version++
  t.match(await visit(port), [/page/, `run(${app.version})`])
})

t.test('it can be switched off', async t => {
  const app = await startApp(t)
  const { port } = await cachingGateway(t, app.url, '', 'cache: { follow_releases: false }')
  await visit(port)
  await whenStored(port)
  app.version = 2
  t.match(await visit(port), [/page 2/, /^run\(1\)$/])
})
