/** Load at a fixed rate: what a slow server does to the times of those who come meanwhile. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { pacedLoad } from '../../bench/load.ts'
import { Children } from '../../bench/processes.ts'
import { WORKLOADS } from '../../bench/workloads.ts'

const skip = process.platform === 'linux' ? false : 'the bench runs on Linux only'

async function run(t: Test, listener: RequestListener, change: { connections: number; perSecond: number }) {
  const server = createServer(listener)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const children = new Children()
  t.teardown(() => {
    children.killAll()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/small.json`
  const workload = { ...WORKLOADS.find(({ name }) => name === 'rate')!, ...change }
  const command = pacedLoad.command({ url, workload, seconds: 1, directory: '/tmp' })
  return pacedLoad.parse(await children.run('load', command, 20_000), '/tmp')
}

t.test('as many as the rate says, at any speed of the answers', { skip }, async t => {
  let seen = 0
  const result = await run(
    t,
    (_request, response) => {
      seen++
      setTimeout(() => response.end('here'), 50)
    },
    { connections: 64, perSecond: 200 },
  )
  t.equal(result.requests, seen)
  t.ok(Math.abs(seen - 200) < 60, `${seen} of about 200`)
  t.ok(result.p50Ms >= 49)
  t.match(result, { socketErrors: 0, badStatuses: 0 })
})

t.test('who waits for a connection is measured from when its request fell due', { skip }, async t => {
  const result = await run(t, (_request, response) => void setTimeout(() => response.end('here'), 50), {
    connections: 1,
    perSecond: 40,
  })
  t.ok(result.p99Ms > 200, `${result.p99Ms} ms`)
})

t.test('a failure counts, and a connection that was closed is replaced', { skip }, async t => {
  let seen = 0
  const result = await run(
    t,
    (request, response) => {
      if (++seen % 10 === 0) return void request.socket.destroy()
      response.statusCode = seen % 10 === 5 ? 503 : 200
      response.end('here')
    },
    { connections: 8, perSecond: 200 },
  )
  t.ok(result.socketErrors > 5, `${result.socketErrors} errors`)
  t.ok(result.badStatuses > 5, `${result.badStatuses} bad`)
  t.ok(result.requests > 100)
})
