import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ownLoop } from '../../bench/load.ts'
import { Children } from '../../bench/processes.ts'
import { ENTITY_TAG, WORKLOADS } from '../../bench/workloads.ts'

const skip = process.platform === 'linux' ? false : 'the bench runs on Linux only'

interface Seen {
  readonly urls: string[]
  readonly tags: Set<string | undefined>
}

/** Loads a server of our own for a second and gives what the loop printed and what the server saw. */
async function runLoop(t: Test, name: string, status: number) {
  const seen: Seen = { urls: [], tags: new Set() }
  const server = createServer((request, response) => {
    seen.urls.push(request.url ?? '')
    seen.tags.add(request.headers['if-none-match'])
    response.writeHead(status).end()
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const children = new Children()
  t.teardown(() => {
    children.killAll()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page.html?load=7-`
  const workload = { ...WORKLOADS.find(candidate => candidate.name === name)!, connections: 4 }
  const command = ownLoop.command({ url, workload, seconds: 1, directory: '/tmp' })
  return { seen, result: ownLoop.parse(await children.run('loop', command, 20_000), '/tmp') }
}

t.test('misses: no URL comes twice, and they are counted from 1', { skip }, async t => {
  const { seen, result } = await runLoop(t, 'miss', 200)
  t.equal(result.requests, seen.urls.length)
  t.equal(new Set(seen.urls).size, seen.urls.length)
  t.ok(seen.urls.includes('/page.html?load=7-1'))
  t.ok(seen.urls.includes(`/page.html?load=7-${seen.urls.length}`))
})

t.test('conditional hits: every request names the tag, a 304 is no error', { skip }, async t => {
  const { seen, result } = await runLoop(t, '304', 304)
  t.strictSame([...seen.tags], [ENTITY_TAG])
  t.match(result, { badStatuses: 0, socketErrors: 0 })
})
