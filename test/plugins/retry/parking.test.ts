/** Apps that restart: what could not be sent waits, what was sent is not doubled, and an old outage costs nobody time. */
import t from 'tap'
import type { AttemptRecord } from '../../../plugins/contract/index.ts'
import { contractOf } from '../../../plugins/contract/index.ts'
import { RawClient } from '../../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'
import { get, retryApp, withBody } from './support.ts'

const whole = answer(200, {}, 'whole')

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 5))
}

async function restarting(t: { teardown(fn: () => unknown): void }) {
  const before = await rawOrigin((_request, socket) => void socket.write(whole))
  await before.stop()
  const comeBack = async (): Promise<RawOrigin> => {
    const after = await rawOrigin((_request, socket) => void socket.write(whole), before.port)
    t.teardown(() => after.close())
    return after
  }
  return { url: before.url, comeBack }
}

t.test('requests of every method wait for an app that refuses, and run once', async t => {
  const { url, comeBack } = await restarting(t)
  const { app, port } = await retryApp(t, [url])
  const clients = [get(), withBody('POST', 'once'), withBody('PUT', 'once')].map(text => new RawClient(port).send(text))
  await until(() => [...app.retry.snapshot()][0]?.held === 3)
  const after = await comeBack()
  for (const client of clients) t.equal((await client.answer()).body.toString(), 'whole')
  t.strictSame(after.requests.map(({ method }) => method).toSorted(), ['GET', 'POST', 'PUT'])
  t.match([...app.retry.snapshot()], [{ held: 0, awayMs: null }])
})

t.test('the wait is bounded from the start of the outage, and an older one fails at once', async t => {
  const { url } = await restarting(t)
  const { port } = await retryApp(t, [url], { retry: { holdMs: 300 } })
  const first = await new RawClient(port).send(get()).answer()
  t.equal(first.status, 502)
  t.equal(first.headers['retry-after'], '2')
  t.match(
    first.headers['proxy-status'],
    /error=connection_refused; details="0 attempts, no further: held to the limit"/,
  )
  const later = await new RawClient(port).send(get()).answer()
  t.match(later.headers['proxy-status'], /no further: outage-too-old/)
})

t.test('the number of those who wait is bounded', async t => {
  const { url } = await restarting(t)
  const { app, port } = await retryApp(t, [url], { retry: { maxHeld: 1, holdMs: 60_000 } })
  new RawClient(port).send(get())
  await until(() => [...app.retry.snapshot()][0]?.held === 1)
  t.match((await new RawClient(port).send(get()).answer()).headers['proxy-status'], /no further: full/)
})

t.test('a client that leaves waits no more, and a shorter limit counts for those who wait', async t => {
  const { url } = await restarting(t)
  const { app, port } = await retryApp(t, [url], { retry: { holdMs: 60_000 } })
  const leaving = new RawClient(port).send(get())
  await until(() => [...app.retry.snapshot()][0]?.held === 1)
  leaving.close()
  await until(() => [...app.retry.snapshot()][0]?.held === 0)
  const waiting = new RawClient(port).send(get())
  await until(() => [...app.retry.snapshot()][0]?.held === 1)
  contractOf(app).tunables.find('app', 'retry.hold')?.set(0)
  t.equal((await waiting.answer()).status, 502)
})

t.test('who waits is told at once when nobody looks after the origin any more', async t => {
  const { url } = await restarting(t)
  const { app, port } = await retryApp(t, [url], { retry: { upstreams: { app: { holdMs: 60_000 } } } })
  const clients = Array.from({ length: 3 }, () => new RawClient(port).send(get()))
  await until(() => [...app.retry.snapshot()][0]?.held === 3)
  app.retry.apply({ app: false })
  for (const client of clients) {
    const { status, headers } = await client.answer()
    t.match([status, headers['proxy-status']], [502, /error=connection_refused/])
  }
  t.strictSame([...app.retry.snapshot()], [])
})

t.test('each attempt is told with its number, its origin and its end', async t => {
  let requests = 0
  const origin = await rawOrigin((_request, socket) => {
    if (++requests === 1) socket.resetAndDestroy()
    else socket.write(whole)
  })
  t.teardown(() => origin.close())
  const { app, port } = await retryApp(t, [origin.url])
  const records: AttemptRecord[] = []
  contractOf(app).journal.attempts.listen(record => void records.push(record))
  await new RawClient(port).send(get()).answer()
  await until(() => records.length === 2)
  t.match(records, [
    { upstream: 'app', origin: origin.url, kind: 'reset', status: 0, headMs: null, number: 1, isHedge: false },
    { upstream: 'app', origin: origin.url, kind: 'ok', status: 200, number: 2, inFlight: 1 },
  ])
})

t.test('a POST runs at most once, wherever in its answer the origin breaks off', async t => {
  const bytes = answer(200, { 'X-More': 'yes' }, 'whole')
  let cutAt = 0
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(
      () => socket.end(bytes.subarray(0, cutAt)),
      () => {},
    )
  })
  t.teardown(() => origin.close())
  const { port } = await retryApp(t, [origin.url])
  for (cutAt = 0; cutAt < bytes.length; cutAt++) {
    const before = origin.requests.length
    const { status, isWhole } = await new RawClient(port).send(withBody('POST', 'once')).answer('POST')
    if (origin.requests.length !== before + 1) t.fail(`${origin.requests.length - before} runs at byte ${cutAt}`)
    if (status === 200 && isWhole) t.fail(`a cut at byte ${cutAt} looks whole`)
  }
  t.equal(origin.requests.length, bytes.length)
})

t.test('a GET is answered whole, wherever in its first answer the origin breaks off', async t => {
  const bytes = answer(200, { 'X-More': 'yes' }, 'whole')
  let cutAt = 0
  let isCut = true
  const origin = await rawOrigin((_request, socket) => {
    if (isCut) socket.end(bytes.subarray(0, cutAt))
    else socket.write(bytes)
    isCut = false
  })
  t.teardown(() => origin.close())
  const { port } = await retryApp(t, [origin.url], { retry: { budgetFloor: 1_000 } })
  for (cutAt = 0; cutAt < bytes.length; cutAt++) {
    isCut = true
    const { status, body } = await new RawClient(port).send(get()).answer()
    if (status !== 200 || body.toString() !== 'whole') t.fail(`status ${status} after a cut at byte ${cutAt}`)
  }
  t.equal(origin.requests.length, bytes.length * 2)
})
