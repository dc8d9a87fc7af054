/**
 * The admin listener: who may ask, and what it says.
 */
import http from 'node:http'
import t from 'tap'
import { isKnownHost } from '../../gateway/admin/known-host.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

interface Got {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { headers, method, agent: false }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end()
  })
}

t.test('it answers for its own names only, so that a foreign name cannot be bound to it', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  const { port } = new URL(adminUrl)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '127.0.0.1', `LocalHost:${port}`]) {
    t.equal((await ask(`${adminUrl}/healthz`, { host })).status, 200, host)
  }
  for (const host of ['evil.test', `evil.test:${port}`, `localhost:${port}.evil.test`, 'localhost.evil.test']) {
    t.equal((await ask(`${adminUrl}/healthz`, { host })).status, 403, host)
  }
})

t.test('on every address it answers for the one that was dialled, and for no name that it was not given', async t => {
  const admin = 'admin: { host: 0.0.0.0, token: a-token-of-more-than-16, hosts: [dash.test], '
  const yaml = `${base.replace('admin: { host: 127.0.0.1, ', admin)}routes:\n  - { name: no, deny: true }\n`
  const { adminUrl } = await startGateway(t, yaml)
  const { port } = new URL(adminUrl)
  const authorization = 'Bearer a-token-of-more-than-16'
  for (const [at, host, status] of [
    ['127.0.0.1', `127.0.0.1:${port}`, 200],
    ['127.0.0.1', `localhost:${port}`, 200],
    ['127.0.0.1', `dash.test:${port}`, 200],
    ['127.0.0.1', `evil.test:${port}`, 403],
    ['127.0.0.1', `192.0.2.1:${port}`, 403],
  ] as const) {
    t.equal((await ask(`http://${at}:${port}/healthz`, { host, authorization })).status, status, `${host} at ${at}`)
  }
})

t.test('the address of the listener is compared as people write it', async t => {
  const config = (host: string) => ({ host, port: 9900, token: null, hosts: [] })
  const cases: [host: string, configured: string, reachedAt: string, isKnown: boolean][] = [
    ['192.0.2.7:9900', '0.0.0.0', '192.0.2.7', true],
    ['192.0.2.7', '::', '::ffff:192.0.2.7', true],
    ['[2001:DB8::7]:9900', '::', '2001:db8::7', true],
    ['localhost:9900', '0.0.0.0', '192.0.2.7', false],
    ['192.0.2.8:9900', '0.0.0.0', '192.0.2.7', false],
    ['192.0.2.7:9900', '192.0.2.7', '192.0.2.7', true],
    ['127.0.0.1:9900', '192.0.2.7', '127.0.0.1', false],
    ['evil.test', '0.0.0.0', '192.0.2.7', false],
  ]
  for (const [host, configured, reachedAt, isKnown] of cases) {
    t.equal(isKnownHost(host, config(configured), 9900, reachedAt), isKnown, `${host} of ${configured} at ${reachedAt}`)
  }
})

t.test('two Host lines are one too many, whatever they say', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  const { port } = new URL(adminUrl)
  for (const second of ['evil.test', `127.0.0.1:${port}`]) {
    const lines = `Host: 127.0.0.1:${port}\r\nHost: ${second}\r\nConnection: close\r\n`
    t.equal((await exchange(Number(port), `GET /healthz HTTP/1.1\r\n${lines}\r\n`)).status, 400, second)
  }
})

t.test('a target with a host of its own is none of its paths', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  const { port, host } = new URL(adminUrl)
  const head = `GET http://evil.test/healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
  t.equal((await exchange(Number(port), head)).status, 400)
})

t.test('a token is asked for in front of everything, and compared whole', async t => {
  const token = 'a-token-of-more-than-16'
  const yaml = `${base.replace('admin: { ', `admin: { token: ${token}, `)}routes:\n  - { name: no, deny: true }\n`
  const { adminUrl } = await startGateway(t, yaml)
  t.equal((await ask(`${adminUrl}/api/stats`)).status, 401)
  for (const wrong of ['', token.slice(0, -1), `${token}x`, 'Bearer']) {
    t.equal((await ask(`${adminUrl}/api/stats`, { authorization: `Bearer ${wrong}` })).status, 401)
  }
  t.equal((await ask(`${adminUrl}/api/stats`, { authorization: `Bearer ${token}` })).status, 200)
  const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` })
  t.equal((await ask(`${adminUrl}/api/stats`, basic(`anybody:${token}`))).status, 200)
  for (const wrong of [`${token}:`, `${token}:x`, 'anybody:', ':', '']) {
    t.equal((await ask(`${adminUrl}/api/stats`, basic(wrong))).status, 401, wrong)
  }
  t.equal((await ask(`${adminUrl}/api/stats`, { authorization: token })).status, 401, 'without a scheme')
})

t.test('a POST needs JSON and the header that a foreign page cannot send', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  t.equal((await ask(`${adminUrl}/api/stats`, { 'content-type': 'application/json' }, 'POST')).status, 403)
  t.equal((await ask(`${adminUrl}/api/stats`, { 'x-hearthgate': '1' }, 'POST')).status, 403)
})

t.test('stats count what happened, by origin and outcome', async t => {
  const origin = await rawOrigin((_request, socket) => void socket.write(answer(200, {}, 'ok')))
  t.teardown(() => origin.close())
  const gateway = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}" }\n`)
  for (let i = 0; i < 3; i++) await exchange(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const stats = JSON.parse((await ask(`${gateway.adminUrl}/api/stats`)).text)
  t.equal(stats.generation, 1)
  t.match(stats.origins, [{ upstream: 'app', origin: origin.url, inFlight: 0, isAvoided: false }])
  t.match(stats.signals.upstream_attempts_total, [
    { labels: { upstream: 'app', origin: origin.url, reason: 'ok' }, value: 3 },
  ])
  t.match(stats.signals.upstream_connects_total, [{ labels: { reason: 'ok' }, value: 1 }])
})

t.test('explain answers for a URL, and says what is wrong with one that is none', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, match: { path: /secret }, deny: true }\n`)
  const explained = await ask(`${adminUrl}/api/explain?method=GET&url=${encodeURIComponent('http://a/%73ecret')}`)
  t.match(JSON.parse(explained.text), { refusal: { status: 403, code: 'HG_DENIED' } })
  t.equal((await ask(`${adminUrl}/api/explain?url=%00`)).status, 400)
  t.equal((await ask(`${adminUrl}/api/explain`)).status, 400)
})

t.test('explain wants one URL and one method: a name that stands twice is refused with the form to write', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: no, deny: true }\n`)
  for (const query of ['url=http://a/&url=http://b/', 'method=GET&method=PUT&url=http://a/', 'method=GET', 'url[]=1']) {
    const { status, text } = await ask(`${adminUrl}/api/explain?${query}`)
    t.equal(status, 400, query)
    t.match(JSON.parse(text).error, 'one url and at most one method')
  }
})

t.test('the dashboard comes from this address alone, and cannot be framed', async t => {
  const { adminUrl } = await startGateway(t, `${base}routes:\n  - { name: wiki, upstream: "http://127.0.0.1:9" }\n`)
  const page = await ask(adminUrl)
  t.match(page.headers, { 'content-type': /text\/html/, 'x-frame-options': 'DENY' })
  t.match(page.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/)
  t.notMatch(page.headers['content-security-policy'], 'unsafe')
  t.notMatch(page.text, /(src|href)="(https?:)?\/\//)
  const links = Array.from(page.text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g), ([, path]) => path)
  t.ok(links.length >= 4)
  for (const link of links) t.equal((await ask(`${adminUrl}/${link}`)).status, 200, link)
})

t.test('the configuration is told with its warnings and without its secrets', async t => {
  const { adminUrl } = await startGateway(
    t,
    `${base}redis: { url: "redis://u:hunter2hunter2@127.0.0.1:1/6" }
routes:
  - name: wiki
    upstream: "http://127.0.0.1:9"
    headers: { request: { set: { Authorization: Bearer hunter2hunter2 } } }
`,
  )
  const { text } = await ask(`${adminUrl}/api/config`)
  t.notMatch(text, 'hunter2')
  const { config, generation, warnings } = JSON.parse(text)
  t.match(config, { routes: [{ name: 'wiki', headers: { request: { set: { Authorization: '***' } } } }] })
  t.equal(generation, 1)
  t.type(warnings, Array)
})

t.test('a request that is over says why it went as it did, for as long as it is remembered', async t => {
  const gateway = await startGateway(t, `${base}routes:\n  - { name: no, match: { path: /secret }, deny: true }\n`)
  await exchange(gateway.port, 'GET /secret?api_key=hunter2hunter2 HTTP/1.1\r\nHost: a\r\n\r\n')
  await exchange(gateway.port, 'GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
  const listed = await ask(`${gateway.adminUrl}/api/requests`)
  t.notMatch(listed.text, 'hunter2')
  const [, denied] = JSON.parse(listed.text)
  t.match(denied, { status: 403, route: 'no', verdict: 'client_error', outcome: 'refused:deny-rule' })
  const why = await ask(`${gateway.adminUrl}/api/explain?id=${denied.id}`)
  t.match(JSON.parse(why.text), { request: { id: denied.id }, explanation: { refusal: { code: 'HG_DENIED' } } })
  t.notMatch(why.text, 'hunter2')
  t.equal((await ask(`${gateway.adminUrl}/api/explain?id=nobody`)).status, 404)
  const found = await ask(`${gateway.adminUrl}/api/requests?text=hunter2`)
  t.strictSame(JSON.parse(found.text), [], 'a secret cannot be found by trying')
  t.equal(JSON.parse((await ask(`${gateway.adminUrl}/api/requests?route=no`)).text).length, 1)
  t.equal((await ask(`${gateway.adminUrl}/api/requests?route=a&route=b`)).status, 400)
})
