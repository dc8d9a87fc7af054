/** An app that refuses tags where it has given none (RabbitMQ does) never sees the gateway's own. */
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { bothDoors, get, originFor } from './support.ts'

t.test('a tag of the gateway is compared by the gateway', async t => {
  const origin = await originFor(t, ({ headers, target }, socket) => {
    const body = target === '/new' ? `now ${origin.requests.length}` : 'the same'
    const fields = { 'content-type': 'application/json', 'cache-control': 'no-cache', vary: 'accept' }
    const isRefused = (headers['if-none-match'] ?? '"app"') !== '"app"'
    socket.write(isRefused ? answer(412, {}, '') : answer(200, fields, body))
  })
  const { ports } = await startGateway(t, `${bothDoors}\nroutes:\n  - { name: app, upstream: "${origin.url}" }\n`)
  const ask = (path: string, more = '') => exchange(ports[1] as number, get(path, `Connection: close\r\n${more}`))
  for (const more of ['', 'Authorization: Basic eDp4\r\n', 'Cookie: a=1\r\n']) {
    for (const [path, second] of [
      ['/', 304],
      ['/new', 200],
    ] as const) {
      const tag = (await ask(path, more)).headers['etag']
      t.match(tag, /^W\/"[\w-]{22}"$/)
      t.equal((await ask(path, `${more}If-None-Match: ${tag}\r\n`)).status, second, `${path} ${more}`)
      t.equal((await ask(path, `${more}If-None-Match: ${tag}, "app"\r\n`)).status, second, 'with another beside it')
    }
  }
  t.equal(
    (await ask('/', 'Authorization: Basic eDp4\r\nIf-None-Match: "other"\r\n')).status,
    412,
    "others' are the app's business",
  )
})
