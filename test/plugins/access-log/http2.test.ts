import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { accessLog } from '../../../plugins/access-log/index.ts'
import { Lines } from './support.ts'

t.test('requests over HTTP/2 are logged, finished and reset ones apart', async t => {
  const lines = new Lines()
  const app = Fastify({ http2: true })
  await app.register(accessLog, { destination: lines })
  app.get('/', () => 'abc')
  app.get('/never', () => new Promise(() => app.log))
  app.get('/endless', () => Readable.from(endless()))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(async () => {
    session.destroy()
    await app.close()
  })

  const whole = session.request({ ':path': '/?key=1', 'user-agent': 'tester' })
  whole.resume()
  await once(whole, 'end')
  t.match(await lines.nextFields(), {
    protocol: 'h2',
    path: '/?key=***',
    status: 200,
    outcome: 'ok',
    bytes_out: 3,
    client: '127.0.0.1',
    user_agent: 'tester',
  })

  const never = session.request({ ':path': '/never' })
  never.on('error', () => {})
  await new Promise<void>(resolve => session.ping(() => resolve()))
  never.close(8)
  t.match(await lines.nextFields(), { path: '/never', status: 499, outcome: 'client_left' })

  const endlessly = session.request({ ':path': '/endless' })
  endlessly.on('error', () => {})
  await once(endlessly, 'response')
  endlessly.close(8)
  t.match(await lines.nextFields(), { path: '/endless', status: 200, outcome: 'client_left' })

  const cut = session.request({ ':path': '/never?2' })
  cut.on('error', () => {})
  await new Promise<void>(resolve => session.ping(() => resolve()))
  session.destroy()
  t.match(await lines.nextFields(), { path: '/never?2', status: 499, outcome: 'client_left', client: '127.0.0.1' })
})

async function* endless(): AsyncGenerator<string> {
  yield 'drop '
  await new Promise(() => {})
}
