/** The cache in front of waiting: a stale answer that may stand in is not held up by an app that is away. */
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

t.test('a stale answer stands in at once while the app restarts; what has none waits for it', async t => {
  const page = answer(200, { 'Cache-Control': 'max-age=0, stale-if-error=60', ETag: '"1"' }, 'page')
  const first = await rawOrigin((_request, socket) => socket.write(page))
  t.teardown(() => first.close())
  const gateway = await startGateway(t, `${base}\nroutes:\n  - { name: a, upstream: "${first.url}" }\n`)
  const ask = async (path: string) => {
    const startedMs = performance.now()
    const answered = await fetch(`http://127.0.0.1:${gateway.port}${path}`)
    await answered.text()
    const { status, headers } = answered
    return { status, cache: headers.get('cache-status') ?? '', ms: performance.now() - startedMs }
  }
  t.equal((await ask('/page')).status, 200)
  await first.stop()
  const stale = await ask('/page')
  t.match(stale, { status: 200, cache: /detail=stale-if-error/ })
  t.ok(stale.ms < 4_000, `${stale.ms} ms`)
  const waits = ask('/other')
  const second = await rawOrigin((_request, socket) => socket.write(page), first.port)
  t.teardown(() => second.close())
  t.match(await waits, { status: 200 })
})
