/** Addresses that an app sends its clients to, through a whole gateway: TLS in front, a path of its own, a stored redirect. */
import { once } from 'node:events'
import { request } from 'node:https'
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { answer } from '../support/raw-origin.ts'
import { pem } from './listeners/support.ts'
import { originFor } from './support.ts'

const { cert, key } = pem('localhost')

t.test('an app that knows only its own name sends its clients to the one that they know', async t => {
  const origin = await originFor(t, ({ headers, target }, socket) => {
    const own = target.startsWith('/own') ? origin.url : `http://${headers['host']}`
    const lifetime = { 'Cache-Control': 'public, max-age=60', 'Content-Type': 'text/html' }
    socket.write(answer(302, { Location: `${own}${target}/`, ...lifetime }, 'there'))
  })
  const gateway = await startGateway(
    t,
    `
listen:
  - { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
  - { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - { name: wiki, match: { host: wiki.test }, upstream: "${origin.url}" }
  - { name: notes, match: { host: home.test, path: /notes }, rewrite_path: /, upstream: "${origin.url}" }
  - { name: kept, match: { host: kept.test }, upstream: "${origin.url}", headers: { location: keep } }
`,
  )
  const { port } = gateway
  const ask = async (host: string, path: string) => {
    const headers = { host: `${host}:${port}` }
    const sent = request({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false })
    const [response] = await once(sent.end(), 'response')
    response.resume()
    await once(response, 'end')
    return { location: response.headers.location, cache: response.headers['cache-status'] }
  }

  t.equal((await ask('wiki.test', '/a')).location, `https://wiki.test:${port}/a/`, 'scheme')
  t.equal((await ask('wiki.test', '/own')).location, `https://wiki.test:${port}/own/`, 'name')
  const again = await ask('wiki.test', '/own')
  t.match(again, { location: `https://wiki.test:${port}/own/`, cache: /hit/ }, 'from the store as well')
  t.equal((await ask('home.test', '/notes/a')).location, `https://home.test:${port}/notes/a/`, 'path')
  t.equal((await ask('home.test', '/notes/own')).location, `https://home.test:${port}/notes/own/`, 'name and path')
  t.equal((await ask('kept.test', '/own')).location, `${origin.url}/own/`, 'switched off')
})
