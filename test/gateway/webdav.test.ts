/** WebDAV behind TLS below a path (demands G2), and entity tags that come back though answers are encoded (F2). */
import { once } from 'node:events'
import { request } from 'node:https'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { answer } from '../support/raw-origin.ts'
import { pem } from './listeners/support.ts'
import { originFor } from './support.ts'

const { cert, key } = pem('localhost')
const TAG = '"strong-1"'

t.test('a file cloud under /cloud of an https name', async t => {
  const calendar = 'BEGIN:VCALENDAR\n'.repeat(500)
  const origin = await originFor(t, (asked, socket) => {
    const { method, headers } = asked
    const isSame = headers['if-match'] === TAG || headers['if-match'] === undefined
    const known = headers['if-none-match'] === TAG
    if (method === 'GET' && known) socket.write(answer(304, { ETag: TAG }))
    else if (method === 'GET') socket.write(answer(200, { 'Content-Type': 'text/calendar', ETag: TAG }, calendar))
    else socket.write(answer(isSame ? 204 : 412, {}))
  })
  const { port } = await startGateway(
    t,
    `
listen: { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - name: cloud
    match: { host: a.test, path: /cloud }
    rewrite_path: /
    upstream: "${origin.url}"
    redirects: { /.well-known/caldav: /remote.php/dav/ }
`,
  )
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const host = `a.test:${port}`
    const sent = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { host, ...headers },
      rejectUnauthorized: false,
    })
    const [response] = await once(sent.end(), 'response')
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part)
    return { status: response.statusCode as number, headers: response.headers, body: Buffer.concat(parts) }
  }

  await t.test('a target is told as the app knows it', async t => {
    const at = `https://a.test:${port}/cloud/dav`
    const headers = { destination: `${at}/b%20c.ics`, if: `<${at}/b%20c.ics> (["x"])`, overwrite: 'F' }
    t.equal((await ask('MOVE', '/cloud/dav/a.ics', headers)).status, 204)
    const seen = origin.requests.at(-1)
    t.equal(seen?.target, '/dav/a.ics')
    t.match(seen?.headers, {
      destination: `http://a.test:${port}/dav/b%20c.ics`,
      if: `<http://a.test:${port}/dav/b%20c.ics> (["x"])`,
    })
    t.equal((await ask('MOVE', '/cloud/dav/a.ics', { destination: `https://a.test:${port}/other/x` })).status, 502)
  })

  await t.test('calendars find their server', async t => {
    const { status, headers } = await ask('PROPFIND', '/cloud/.well-known/caldav')
    t.equal(status, 301)
    t.equal(headers.location, `https://a.test:${port}/cloud/remote.php/dav/`)
  })

  await t.test('the tag of an encoded answer is good for If-Match and If-None-Match', async t => {
    const got = await ask('GET', '/cloud/dav/a.ics', { 'accept-encoding': 'gzip' })
    t.equal(got.headers['content-encoding'], 'gzip')
    t.equal(gunzipSync(got.body).toString(), calendar)
    const tag = String(got.headers.etag)
    t.equal((await ask('PUT', '/cloud/dav/a.ics', { 'if-match': tag, 'content-length': '0' })).status, 204)
    t.equal(origin.requests.at(-1)?.headers['if-match'], TAG)
    t.equal((await ask('PUT', '/cloud/dav/a.ics', { 'if-match': '"other"', 'content-length': '0' })).status, 412)
    const again = await ask('GET', '/cloud/dav/a.ics', { 'accept-encoding': 'gzip', 'if-none-match': tag })
    t.equal(again.status, 304)
  })
})
