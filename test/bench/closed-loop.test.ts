import t, { type Test } from 'tap'
import { ownLoop } from '../../bench/load.ts'
import { ENTITY_TAG } from '../../bench/workloads.ts'
import { loadServer, skip } from './support.ts'

interface Seen {
  readonly urls: string[]
  readonly tags: Set<string | undefined>
}

/** What the loop printed and what the server saw. */
async function runLoop(t: Test, name: string, status: number) {
  const seen: Seen = { urls: [], tags: new Set() }
  const load = { tool: ownLoop, name, change: { connections: 4 }, path: '/page.html?load=7-' }
  const result = await loadServer(
    t,
    (request, response) => {
      seen.urls.push(request.url ?? '')
      seen.tags.add(request.headers['if-none-match'])
      response.writeHead(status).end()
    },
    load,
  )
  return { seen, result }
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
