/** What a route wants of answers holds for the pages that the gateway makes in their place: HSTS, and care of browsers. */
import type { IncomingHttpHeaders } from 'node:http'
import { request as overPlain } from 'node:http'
import { request as overTls } from 'node:https'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { pem } from './listeners/support.ts'

const { cert, key } = pem('localhost')

const yaml = `
listen:
  - { host: 127.0.0.1, port: 0 }
  - { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
defaults: { hsts: { max_age: 1d }, security_headers: true, health: { hold: 0s } }
routes:
  - name: gone
    match: { host: a.test }
    upstream: http://127.0.0.1:1
    redirects: { /old: /new }
    access: { paths: { /admin: { allow: [10.0.0.1] } } }
    limits: { body_size: 5 }
  - { name: shut, match: { host: a.test, path: /shut }, deny: true }
  - name: framed
    match: { host: b.test }
    upstream: http://127.0.0.1:1
    security_headers: { frames: ["https://dash.test"], nosniff: false }
    headers: { response: { set: { Permissions-Policy: camera=(), X-Other: x, Referrer-Policy: no-referrer } } }
  - { name: bare, match: { host: c.test }, upstream: http://127.0.0.1:1, hsts: false, security_headers: false }
`

interface Asked {
  readonly secure?: boolean
  readonly method?: string
  readonly body?: string
}

function asker(ports: readonly number[]) {
  return (host: string, path: string, { secure = true, method = 'GET', body = '' }: Asked = {}) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
      const [plain, tls] = ports
      const headers = { host, accept: 'text/html', 'content-length': Buffer.byteLength(body) }
      const at = { host: '127.0.0.1', path, method, headers, agent: false as const }
      const sent = secure ? overTls({ ...at, port: tls, rejectUnauthorized: false }) : overPlain({ ...at, port: plain })
      sent.on('response', answer => {
        answer.resume()
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers })
      })
      sent.on('error', reject).end(body)
    })
}

const careful = {
  'strict-transport-security': 'max-age=86400',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-frame-options': 'SAMEORIGIN',
}

const pages: [title: string, path: string, status: number, asked?: Asked][] = [
  ['an app that is away', '/', 502],
  ['a redirect of the route', '/old', 301],
  ['who may not come in', '/admin', 403],
  ['a deny rule', '/shut/x', 403],
  ['a body that is too large', '/', 413, { method: 'POST', body: 'x'.repeat(100) }],
  ['a method that is not passed on', '/', 405, { method: 'TRACE' }],
]

t.test('over https', async t => {
  const { ports } = await startGateway(t, yaml)
  const ask = asker(ports)
  for (const [title, path, status, asked] of pages) {
    const answer = await ask('a.test', path, asked)
    t.equal(answer.status, status, title)
    t.match(answer.headers, careful, title)
  }
  await aroundThem(t, ask)
})

async function aroundThem(t: Test, ask: ReturnType<typeof asker>) {
  await t.test('a list of frames and the policy of the page are one policy', async t => {
    const { headers } = await ask('b.test', '/')
    t.match(headers['content-security-policy'], /^default-src 'none'.*; frame-ancestors 'self' https:\/\/dash\.test$/)
    t.equal(headers['permissions-policy'], 'camera=()')
    t.equal(headers['referrer-policy'], 'no-referrer')
    for (const name of ['x-other', 'x-content-type-options', 'x-frame-options']) t.notOk(name in headers, name)
  })

  await t.test('over plain HTTP nothing is promised', async t => {
    for (const [title, path, status, asked] of pages) {
      const { headers, status: got } = await ask('a.test', path, { ...asked, secure: false })
      t.equal(got, status)
      t.notOk('strict-transport-security' in headers, title)
      t.equal(headers['x-frame-options'], 'SAMEORIGIN', title)
    }
  })

  await t.test('a route that wants none gets none, and where no route is known there is none', async t => {
    for (const host of ['c.test', 'unknown.test']) {
      const { headers } = await ask(host, '/')
      for (const name of Object.keys(careful)) t.notOk(name in headers, `${host} ${name}`)
    }
  })
}
