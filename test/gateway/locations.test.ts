/** Addresses that an app sends its clients to, through a whole gateway: TLS in front, a path of its own, a stored redirect. */
import { once } from 'node:events'
import { connect } from 'node:http2'
import { request } from 'node:https'
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { bothDoors, originFor } from './support.ts'

t.test('an app that knows only its own name sends its clients to the one that they know', async t => {
  const origin = await originFor(t, ({ headers, target }, socket) => {
    const own = target.startsWith('/own') ? origin.url : `http://${headers['host']}`
    const lifetime = { 'Cache-Control': 'public, max-age=60', 'Content-Type': 'text/html' }
    socket.write(answer(302, { Location: `${own}${target}/`, ...lifetime }, 'there'))
  })
  const gateway = await startGateway(
    t,
    `${bothDoors}
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

t.test(
  'cookies and Refresh of an app below a path, from its origin and from the store, over HTTP/1.1 and HTTP/2',
  async t => {
    const origin = await originFor(t, ({ target }, socket) => {
      const lines = ['Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2; Path=/admin; HttpOnly', 'Set-Cookie: c=3']
      const cookies = target === '/cookies' ? `${lines.join('\r\n')}\r\n` : 'Cache-Control: max-age=60\r\n'
      socket.write(`HTTP/1.1 200 OK\r\n${cookies}Refresh: 1; url=/next\r\nContent-Length: 2\r\n\r\nok`)
    })
    const { ports } = await startGateway(
      t,
      `${bothDoors}
routes:
  - { name: notes, match: { path: /notes }, rewrite_path: /, upstream: "${origin.url}" }
  - { name: kept, match: { path: /kept }, rewrite_path: /, upstream: "${origin.url}", headers: { cookie_path: keep } }
`,
    )
    const overHttp1 = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${ports[1]}${path}`)
      await response.text()
      const { headers } = response
      return [headers.getSetCookie(), headers.get('refresh'), headers.get('cache-status')?.includes('hit')]
    }
    const told = ['a=1; Path=/', 'b=2; Path=/notes/admin; HttpOnly', 'c=3']
    t.strictSame(await overHttp1('/notes/cookies'), [told, '1; url=/notes/next', false])
    t.strictSame(await overHttp1('/notes/page'), [[], '1; url=/notes/next', false])
    t.strictSame(await overHttp1('/notes/page'), [[], '1; url=/notes/next', true])
    const kept = ['a=1; Path=/', 'b=2; Path=/admin; HttpOnly', 'c=3']
    t.strictSame(await overHttp1('/kept/cookies'), [kept, '1; url=/kept/next', false], 'switched off')

    const session = connect(`https://localhost:${ports[0]}`, { rejectUnauthorized: false })
    t.teardown(() => session.destroy())
    const [head] = await once(session.request({ ':path': '/notes/cookies' }), 'response')
    t.strictSame([head['set-cookie'], head['refresh']], [told, '1; url=/notes/next'])
  },
)

t.test('the answer to an upgrade tells addresses as every other does', async t => {
  const origin = await originFor(t, ({ target }, socket) => {
    const cookie = { 'Set-Cookie': 'sid=1; Path=/socket' }
    if (target === '/login') return void socket.write(answer(302, { Location: `${origin.url}/in`, ...cookie }))
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: x',
    ]
    socket.write(`${[...lines, 'Set-Cookie: sid=1; Path=/socket'].join('\r\n')}\r\n\r\n`)
  })
  const route = `{ name: notes, match: { path: /notes }, rewrite_path: /, upstream: "${origin.url}" }`
  const { port } = await startGateway(t, `${base}routes:\n  - ${route}\n`)
  const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n'
  const ask = (path: string) => exchange(port, `GET ${path} HTTP/1.1\r\nHost: home.test:${port}\r\n${fields}\r\n`)
  t.match(await ask('/notes/login'), {
    status: 302,
    headers: { location: `http://home.test:${port}/notes/in`, 'set-cookie': 'sid=1; Path=/notes/socket' },
  })
  t.match(await ask('/notes/socket'), {
    status: 101,
    headers: { 'set-cookie': 'sid=1; Path=/notes/socket', upgrade: 'websocket' },
  })
})
