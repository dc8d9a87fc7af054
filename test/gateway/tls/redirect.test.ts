/** From http to https and HSTS, through a whole gateway on real sockets. */
import { request } from 'node:https'
import t from 'tap'
import { explainRequest } from '../../../gateway/explain/index.ts'
import { compileServing } from '../../../gateway/serving.ts'
import { startGateway } from '../../support/gateway.ts'
import { RawClient } from '../../support/raw-client.ts'
import { configOf } from '../config/support.ts'
import { pem } from '../listeners/support.ts'
import { originFor } from '../support.ts'

const { cert, key } = pem('localhost')

const yaml = (origin: string, redirect = 'https') => `
listen:
  - { host: 127.0.0.1, port: 0, redirect: ${redirect} }
  - { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - { name: a, match: { host: [a.test, 127.0.0.1, localhost] }, upstream: '${origin}', hsts: true, cache: false }
  - { name: shut, match: { host: a.test, path: /shut }, deny: true }
`

async function ask(port: number, head: string) {
  const client = new RawClient(port).send(head)
  try {
    return await client.answer(head.split(' ', 1)[0])
  } finally {
    client.socket.destroy()
  }
}

function hstsOver(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', headers: { host }, rejectUnauthorized: false }, answer => {
      answer.resume()
      resolve(answer.headers['strict-transport-security'])
    })
      .on('error', reject)
      .end()
  })
}

t.test('a plain listener sends everybody to https', async t => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nStrict-Transport-Security: max-age=1\r\n\r\nok'
  const origin = await originFor(t, (_request, socket) => void socket.write(answer))
  const { ports, rewrite } = await startGateway(t, yaml(origin.url))
  const [plain = 0, secure = 0] = ports

  const post = await ask(plain, 'POST /x%2Fy?q=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi')
  t.equal(post.status, 308, 'the method is kept')
  t.equal(post.headers['location'], `https://a.test:${secure}/x%2Fy?q=1`)
  t.equal(post.headers['strict-transport-security'], undefined, 'nothing is promised over plain HTTP')

  const upgrade = await ask(
    plain,
    'GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  t.equal(upgrade.status, 308, 'a WebSocket too')
  t.equal(upgrade.headers['location'], `https://a.test:${secure}/ws`)

  t.equal((await ask(plain, 'GET /shut HTTP/1.1\r\nHost: a.test\r\n\r\n')).status, 403, 'what is denied is denied')
  t.equal((await ask(plain, 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n')).status, 404, 'no name is sent on unseen')
  t.equal(origin.requests.length, 0, 'the app has heard of none of this')

  t.equal((await ask(plain, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')).status, 200, 'a check on this machine')
  t.equal(await hstsOver(secure, 'a.test'), 'max-age=15552000', "in place of the app's own")
  t.equal(await hstsOver(secure, '127.0.0.1'), 'max-age=1', "an address gets the app's own only")

  t.ok(await rewrite(yaml(origin.url, '443')))
  const moved = await ask(plain, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.equal(moved.headers['location'], 'https://a.test/', 'a reload brings another port into force')
})

t.test('answers out of the cache have it over TLS, and over TLS only', async t => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nok'
  const origin = await originFor(t, (_request, socket) => void socket.write(answer))
  const text = yaml(origin.url).replace(', cache: false', '').replace(', redirect: https', '')
  const { ports } = await startGateway(t, text)
  const [plain = 0, secure = 0] = ports
  for (const _again of [1, 2]) {
    t.equal(await hstsOver(secure, 'a.test'), 'max-age=15552000')
    const { headers } = await ask(plain, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    t.equal(headers['strict-transport-security'], undefined)
  }
  t.ok(origin.requests.length <= 2, 'the second time it is out of the cache')
})

t.test('explain tells of both', async t => {
  const serving = compileServing(
    configOf(`listen:
  - { host: 0.0.0.0, port: 80, redirect: https }
  - { host: 0.0.0.0, port: 443, tls: { cert: a.pem, key: a.key } }
routes:
  - { name: a, match: { host: a.test }, upstream: http://10.0.0.9, hsts: { max_age: 1d } }
`),
    {},
  )
  const explain = (url: string) => explainRequest(serving, { method: 'GET', url, headers: [] })
  t.match(explain('http://a.test/x').refusal, { status: 308, message: 'to https://a.test/x' })
  t.strictSame(explain('https://a.test/x').sent?.answer.set, [
    { name: 'Strict-Transport-Security', value: 'max-age=86400', why: 'hsts of the route' },
  ])
})
