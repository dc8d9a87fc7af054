import t from 'tap'
import { decideForwards } from '../../gateway/max-forwards.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { originFor, route } from './support.ts'

t.test('who answers, and what goes on', async t => {
  const cases: [method: string, value: string | undefined, kind: string, value?: string][] = [
    ['OPTIONS', undefined, 'pass'],
    ['OPTIONS', '0', 'answer'],
    ['OPTIONS', '00', 'answer'],
    ['OPTIONS', '1', 'count', '0'],
    ['OPTIONS', '10', 'count', '9'],
    ['OPTIONS', '-1', 'pass'],
    ['OPTIONS', '1, 2', 'pass'],
    ['OPTIONS', '', 'pass'],
    ['GET', '0', 'pass'],
  ]
  for (const [method, value, kind, counted] of cases)
    t.match(decideForwards(method, value), { kind, ...(counted === undefined ? {} : { value: counted }) }, `${value}`)
})

t.test('OPTIONS goes no further than its client wants', async t => {
  const origin = await originFor(t, (_request, socket) => void socket.write(answer(204, { Allow: 'GET' })))
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  const ask = (target: string, value: string) =>
    exchange(port, `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`)
  for (const target of ['/', '*']) {
    const here = await ask(target, '0')
    t.equal(here.status, 204)
    t.match(here.headers, { allow: /GET/ })
    t.equal(origin.requests.length, 0)
  }
  t.equal((await ask('/', '3')).status, 204)
  t.equal(origin.requests[0]?.headers['max-forwards'], '2')
})
