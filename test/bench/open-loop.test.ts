/** Load at a fixed rate: what a slow server does to the times of those who come meanwhile. */
import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { pacedLoad } from '../../bench/load.ts'
import { loadServer, skip } from './support.ts'

function run(t: Test, listener: RequestListener, change: { connections: number; perSecond: number }) {
  return loadServer(t, listener, { tool: pacedLoad, name: 'rate', change, path: '/small.json' })
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
