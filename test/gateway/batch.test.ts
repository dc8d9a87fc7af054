/** Batches in the whole gateway: only where a route allows it, through the same pipeline, as who the caller is. */
import t from 'tap'
import { startSampleApp } from '../../examples/sample-app.ts'
import { base, startGateway } from '../support/gateway.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

t.test('sub-requests go to the routes of the host that allow it, as the caller', async t => {
  const sample = await startSampleApp()
  t.teardown(sample.close)
  const { port } = await startGateway(
    t,
    `${base}
routes:
  - { name: wiki, match: { path: / }, upstream: "${sample.url}", batch: true }
  - { name: photos, match: { path: /photos }, upstream: "${sample.url}", batch: true, rewrite_path: / }
  - { name: vault, match: { path: /vault }, upstream: "${sample.url}" }
  - { name: closed, match: { path: /closed }, deny: true }
`,
  )
  const call = (path: string, requests: unknown) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: 'session=1' },
      body: JSON.stringify({ requests }),
    })
  const paths = ['/page', '/photos/a', '/vault/key', '/closed/x', '/assets/a.js']
  const response = await call(
    '/_hearthgate/batch',
    paths.map(path => ({ path })),
  )
  t.equal(response.status, 200)
  const { responses } = (await response.json()) as { responses: { status: number; body: string; headers: object }[] }
  t.strictSame(
    responses.map(({ status }) => status),
    [200, 200, 403, 403, 200],
  )
  const told = JSON.parse(responses[0]!.body)
  t.match(told, { path: '/page', headers: { cookie: 'session=1', 'x-forwarded-for': '127.0.0.1' } })
  t.equal(JSON.parse(responses[1]!.body).path, '/a')
  t.match(responses[4]!.headers, { 'cache-status': /stored/ })
  const none = await call('/vault/_hearthgate/batch', [{ path: '/page' }])
  t.equal(
    JSON.parse(await none.text()).path,
    '/vault/_hearthgate/batch',
    'an app that does not allow it gets the request',
  )
})

t.test('heads are as long as they may be for a request alone', async t => {
  const long = 'c'.repeat(20_000)
  const origin = await rawOrigin(({ headers }, socket) =>
    socket.write(answer(200, { 'x-long': long }, headers['cookie'] ?? '')),
  )
  t.teardown(() => origin.close())
  const yaml = `${base}routes:\n  - { name: wiki, match: { path: / }, upstream: "${origin.url}", batch: true }\n`
  const { port } = await startGateway(t, yaml)
  const response = await fetch(`http://127.0.0.1:${port}/_hearthgate/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `session=${long}` },
    body: JSON.stringify({ requests: [{ path: '/' }] }),
  })
  const { responses } = (await response.json()) as { responses: { body: string; headers: Record<string, string> }[] }
  t.equal(responses[0]?.body, `session=${long}`)
  t.equal(responses[0]?.headers['x-long'], long)
})

t.test('behind a trusted proxy a sub-request is from the caller, and from nobody else', async t => {
  const origin = await rawOrigin((request, socket) => socket.write(answer(200, {}, JSON.stringify(request.lines))))
  t.teardown(() => origin.close())
  const { port } = await startGateway(
    t,
    `${base}
trusted_proxies: [127.0.0.1]
routes:
  - { name: wiki, match: { path: / }, upstream: "${origin.url}", batch: true }
`,
  )
  const call = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/_hearthgate/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'Remote-User': 'bob', 'X-Original-URL': '/_hearthgate/batch' },
      body: JSON.stringify({ requests: [{ path: '/page', headers }] }),
    })
  const told = await (await call({ 'x-page': '1' })).text()
  t.match(told, /remote-user: bob/i)
  t.notMatch(told, /x-original-url/i, 'what is said of the call is not true of its parts')
  for (const name of [
    ...[
      'Remote-User',
      'remote_user',
      'X-Remote-Groups',
      'X-Authentik-Username',
      'Tailscale-User-Login',
      'Authorization',
    ],
    ...['X-Original-URL', 'True-Client-IP', 'CF-Connecting-IP', 'X-Scheme', 'X-Forwarded-User'],
  ]) {
    t.equal((await call({ [name]: 'admin' })).status, 400, name)
  }
  t.equal(origin.requests.length, 1)
})
