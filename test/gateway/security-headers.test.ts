/** `security_headers` of a route on the wire: out of the app, out of the store, encoded, over a 304, and not elsewhere. */
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { originFor } from './support.ts'

const ask = (port: number, path: string, ...fields: string[]) =>
  exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`)

/** An app that keeps its own counsel below /own. */
async function behind(t: Test, security: string) {
  const origin = await originFor(t, (request, socket) => {
    const own: Record<string, string> = request.target.startsWith('/own')
      ? { 'X-Frame-Options': 'DENY', 'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff' }
      : {}
    const isKept = request.target.includes('kept')
    const common = { 'Content-Type': 'text/html', 'Cache-Control': isKept ? 'public, max-age=600' : 'no-store' }
    if (request.headers['if-none-match'] !== undefined) socket.write(answer(304, { ETag: '"1"' }))
    else socket.write(answer(200, { ...common, ...own, ETag: '"1"' }, 'words '.repeat(1_000)))
  })
  return startGateway(
    t,
    `${base}routes:\n  - { name: app, upstream: "${origin.url}", security_headers: ${security} }\n  - { name: bare, match: { path: /bare }, upstream: "${origin.url}" }\n`,
  )
}

const filled = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-frame-options': 'SAMEORIGIN',
}
const own = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' }

t.test('an app that says nothing gets them, one that does keeps its own, every way out', async t => {
  const { port } = await behind(t, 'true')
  for (const encoding of ['Accept-Encoding: identity', 'Accept-Encoding: gzip']) {
    for (const path of ['/page', '/page-kept', '/page-kept'])
      t.match((await ask(port, path, encoding)).headers, filled, path)
    for (const path of ['/own', '/own-kept', '/own-kept']) t.match((await ask(port, path, encoding)).headers, own, path)
  }
  t.match((await ask(port, '/page-kept')).headers['cache-status'], /hit/)
  const { headers } = await ask(port, '/bare')
  for (const name of Object.keys(filled)) t.notOk(name in headers, name)
})

t.test('a 304 of the app gets none: it would replace what the browser has of the app itself', async t => {
  const { port } = await behind(t, 'true')
  const { status, headers } = await ask(port, '/own', 'If-None-Match: "1"')
  t.equal(status, 304)
  for (const name of Object.keys(filled)) t.notOk(name in headers, name)
})

t.test('a list of origins is a policy of its own', async t => {
  const { port, admin } = await behind(t, '{ frames: ["https://dash.home.arpa"], nosniff: false, referrer: off }')
  const { headers } = await ask(port, '/page')
  t.equal(headers['content-security-policy'], "frame-ancestors 'self' https://dash.home.arpa")
  t.notOk('x-frame-options' in headers || 'referrer-policy' in headers)
  t.match(await admin('/api/explain?method=GET&url=http://a/page'), {
    sent: {
      answer: { fill: [{ name: 'Content-Security-Policy', value: "frame-ancestors 'self' https://dash.home.arpa" }] },
    },
  })
})
