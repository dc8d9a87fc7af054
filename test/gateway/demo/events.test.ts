import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { eventsEndpoint, MAX_STREAMS } from '../../../gateway/demo/events.ts'

/** The endpoint alone, at another pace. */
async function serveEvents(t: { teardown(fn: () => void): void }, periodMs: number): Promise<string> {
  const endpoint = eventsEndpoint(periodMs)
  const server = createServer((req, res) =>
    endpoint.answer({ req, res, url: new URL(req.url ?? '/', 'http://demo.invalid') }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Reads until `count` events have come; leaves then. */
async function readEvents(url: string, count: number, headers: Record<string, string> = {}): Promise<string[]> {
  const leave = new AbortController()
  const response = await fetch(url, { headers, signal: leave.signal })
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.split('data: ').length > count) break
  }
  leave.abort()
  return text.split('\n\n').filter(block => block.includes('data: '))
}

t.test('the first event comes at once, the next ones at the pace', async t => {
  const url = await serveEvents(t, 40)
  const events = await readEvents(url, 3)
  t.match(events[0], /^id: 1\ndata: {"n":1,/)
  t.match(events[2], /^id: 3\ndata: {"n":3,/)
  const slowUrl = await serveEvents(t, 3_600_000)
  t.match((await readEvents(slowUrl, 1))[0], /^id: 1\n/)
})

t.test('the answer is an event stream in UTF-8 that nobody stores', async t => {
  const response = await fetch(await serveEvents(t, 3_600_000), { method: 'HEAD' })
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  t.equal(response.headers.get('cache-control'), 'no-store')
})

t.test('a client that comes back goes on counting, nonsense counts from one', async t => {
  const url = await serveEvents(t, 3_600_000)
  t.match((await readEvents(url, 1, { 'last-event-id': '41' }))[0], /^id: 42\n/)
  for (const id of ['-3', 'abc', '1e300']) t.match((await readEvents(url, 1, { 'last-event-id': id }))[0], /^id: 1\n/)
})

t.test('the number of streams is bounded, and a stream that ended makes room', async t => {
  const url = await serveEvents(t, 3_600_000)
  const leave = new AbortController()
  const streams = Array.from({ length: MAX_STREAMS }, () => fetch(url, { signal: leave.signal }))
  for (const stream of streams) t.equal((await stream).status, 200)
  const refused = await fetch(url)
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '5')
  await refused.text()
  leave.abort()
  let status = 503
  for (let i = 0; i < 200 && status === 503; i++) {
    const answer = await fetch(url)
    status = answer.status
    await answer.body?.cancel()
  }
  t.equal(status, 200)
})
