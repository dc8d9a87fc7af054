import t from 'tap'
import { collides, type Endpoint, isLoopback, reaches } from '../../../gateway/config/local-address.ts'

const at = (host: string, port = 80): Endpoint => ({ host, port })

t.test('loopback is told from other addresses', async t => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost', 'wiki.localhost'])
    t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'localhost.example', '128.0.0.1', ''])
    t.notOk(isLoopback(host), host)
})

const local = ['192.168.1.9', 'nas']
const cases: [to: Endpoint, listener: Endpoint, reached: boolean][] = [
  [at('127.0.0.1'), at('127.0.0.1'), true],
  [at('127.0.0.1', 81), at('127.0.0.1'), false],
  [at('127.0.0.1', 0), at('127.0.0.1', 0), false],
  [at('localhost'), at('127.0.0.1'), true],
  [at('localhost'), at('::1'), true],
  [at('127.0.0.2'), at('127.0.0.1'), false],
  [at('127.0.0.1'), at('0.0.0.0'), true],
  [at('::1'), at('::'), true],
  [at('0.0.0.0'), at('127.0.0.1'), true],
  [at('192.168.1.9'), at('0.0.0.0'), true],
  [at('nas'), at('::'), true],
  [at('nas'), at('127.0.0.1'), false],
  [at('192.168.1.10'), at('0.0.0.0'), false],
  [at('192.168.1.9'), at('192.168.1.9'), true],
  [at('127.0.0.1'), at('192.168.1.9'), false],
]

t.test('a connection is known to arrive at a listener of the gateway', async t => {
  for (const [to, listener, reached] of cases)
    t.equal(reaches(to, listener, local), reached, `${to.host}:${to.port} ${listener.host}:${listener.port}`)
})

t.test('two listeners collide on one port unless their addresses differ', async t => {
  t.ok(collides(at('127.0.0.1'), at('127.0.0.1')))
  t.ok(collides(at('127.0.0.1'), at('0.0.0.0')))
  t.ok(collides(at('::'), at('0.0.0.0')))
  t.notOk(collides(at('127.0.0.1'), at('127.0.0.2')))
  t.notOk(collides(at('127.0.0.1', 0), at('127.0.0.1', 0)))
})
