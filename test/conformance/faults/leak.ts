/** The cases on leaks: after a storm of aborts nothing may be left over. */
import { setTimeout as sleep } from 'node:timers/promises'
import { endHeaders, endStream, frame, request, type } from '../../gateway/listeners/raw-h2.ts'
import { RawClient } from '../../support/raw-client.ts'
import { checkNeighbours, tryAsk, within } from './clients.ts'
import { echo, openTunnel } from './frames-echo.ts'
import { openFrames } from './h2.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

/** Runs the storm and waits until connections and descriptors are back. */
function storm(rage: (run: CaseRun) => Promise<void>): CaseFunction {
  return async run => {
    const { a, gateway } = run.lab
    const before = gateway.descriptors()
    await rage(run)
    const most = gateway.descriptors()
    const state = () => `${a.busy} busy, ${a.open} open, descriptors ${before} -> ${gateway.descriptors()}`
    const isBack = () => a.busy === 0 && a.open <= 80 && gateway.descriptors() <= before + 80
    const start = performance.now()
    while (!isBack() && performance.now() - start < 12_000) await sleep(50)
    must(isBack(), `after 12 s: ${state()}`)
    await checkNeighbours(run, 3)
    return `${state()} (${most} at the end of the storm)`
  }
}

/** Does `count` of them, `width` at once. */
async function many(count: number, width: number, one: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

const abortUploads = storm(async run => {
  await many(300, 30, async i => {
    const path = `/up-${run.id}-${i}-`
    const client = new RawClient(run.lab.port)
    client.send(`POST ${path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`)
    await within(5_000, () => (run.lab.a.seen(path)[0]?.bodyBytes ?? 0) > 0, 'no byte upstream')
    client.socket.resetAndDestroy()
  })
})

const abortTunnels = storm(async run => {
  run.lab.a.scripts.set(`/ws/${run.id}`, echo)
  await many(200, 20, async i => {
    const client = await openTunnel(run, `/ws/${run.id}-${i}`)
    if (i % 2 === 0) client.send(Buffer.alloc(8, 0x82))
    client.socket.resetAndDestroy()
  })
})

const upstreamResets = storm(async run => {
  run.lab.a.scripts.set(`/r-${run.id}`, arrival => arrival.socket.resetAndDestroy())
  await many(300, 30, async i => {
    const got = await tryAsk(run, `/r-${run.id}-${i}`)
    must(got.status >= 500 || got.status === 0, `answered ${got.status}`)
  })
})

const halfRequests = storm(async run => {
  const clients = Array.from({ length: 400 }, () => new RawClient(run.lab.port).send('GET /half HTTP/1.1\r\nHost: a'))
  await sleep(500)
  for (const client of clients) client.socket.resetAndDestroy()
})

const abortH2 = storm(async run => {
  run.lab.a.scripts.set(`/h-${run.id}`, () => {})
  await many(60, 1, async i => {
    const h2 = await openFrames(run)
    for (let stream = 1; stream < 20; stream += 2)
      h2.socket.write(frame(type.headers, endHeaders | endStream, stream, request(`/h-${run.id}-${i}-`)))
    await within(5_000, () => run.lab.a.seen(`/h-${run.id}-${i}-`).length === 10, 'not all upstream')
    h2.socket.destroy()
  })
})

export const leak: Readonly<Record<string, CaseFunction>> = {
  'abort-uploads': abortUploads,
  'abort-websockets': abortTunnels,
  'upstream-resets': upstreamResets,
  'half-requests': halfRequests,
  'h2-abort': abortH2,
}
