/** Caps on real sockets. How exactly a rate is held is measured by the drills; here that nobody beats it. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { type AdmissionInput, admission } from '../../../../plugins/admission/index.ts'
import { cache } from '../../../../plugins/cache/index.ts'
import { proxy } from '../../../../plugins/proxy/index.ts'
import { upstream } from '../../../../plugins/upstream/index.ts'

const RATE = 625_000
const ENOUGH_BYTES = 1_000_000
/** The first tenth of a second is free, and each connection may have one piece on its way. */
const LEAST_SECONDS = 1.2

interface Teardown {
  teardown(fn: () => unknown): void
}

/** An app whose `/big` never ends and whose `/small/…` has 20,000 bytes; `/kept/…` may be stored. */
async function cappedApp(t: Teardown, options: AdmissionInput, direct: boolean, etag = false): Promise<string> {
  const origin = http.createServer((request, response) => {
    response.on('error', () => {})
    if (request.url?.startsWith('/kept')) response.setHeader('cache-control', 'public, max-age=60')
    if (request.url !== '/big') return void response.end(Buffer.alloc(20_000))
    const chunk = Buffer.alloc(65_536)
    const pump = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', pump)
    }
    pump()
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { app: { origins: [{ url }], minSize: 0 } } })
  await app.register(proxy, { upstream: 'app', direct })
  await app.register(admission, options)
  // Entity tags are made of what has come within a moment: that much goes out at once.
  await app.register(cache, { etag })
  t.teardown(async () => {
    await app.close()
    origin.closeAllConnections()
    origin.close()
  })
  return app.listen({ port: 0, host: '127.0.0.1' })
}

/** Seconds until `ENOUGH_BYTES` have come over so many connections, from the first byte on. */
async function secondsFor(url: string, connections: number, localAddress = '127.0.0.1'): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let bytes = 0
  let startedMs = 0
  const requests = Array.from({ length: connections }, () =>
    http.get(url, { agent: false, localAddress }, response => {
      response.on('error', () => {})
      response.on('data', (chunk: Buffer) => {
        if (bytes === 0) startedMs = performance.now()
        bytes += chunk.length
        if (bytes >= ENOUGH_BYTES) resolve((performance.now() - startedMs) / 1000)
      })
    }),
  )
  for (const request of requests) request.on('error', () => {})
  const seconds = await promise
  for (const request of requests) request.destroy()
  return seconds
}

for (const direct of [true, false]) {
  t.test(`one client has its rate over all of its connections, another its own; direct: ${direct}`, async t => {
    const url = await cappedApp(t, { upstreams: { app: { bandwidth: { perClient: RATE } } } }, direct)
    const both = await Promise.all([secondsFor(`${url}/big`, 4), secondsFor(`${url}/big`, 1, '127.0.0.8')])
    for (const seconds of both) t.ok(seconds >= LEAST_SECONDS, `${seconds} s`)
  })
}

for (const etag of [false, true]) {
  t.test(`many small answers are capped as well, from the store too; etag: ${etag}`, async t => {
    const url = await cappedApp(t, { upstreams: { app: { bandwidth: { perClient: RATE } } } }, true, etag)
    for (const path of ['/small', '/kept']) {
      const startedMs = performance.now()
      let bytes = 0
      for (let n = 0; n < 50; n++) bytes += (await (await fetch(`${url}${path}/1`)).arrayBuffer()).byteLength
      const seconds = (performance.now() - startedMs) / 1000
      t.equal(bytes, ENOUGH_BYTES)
      t.ok(seconds >= LEAST_SECONDS, `${path}: ${seconds} s`)
    }
  })
}

t.test('a route has its rate over all clients', async t => {
  const url = await cappedApp(t, { defaults: { bandwidth: { perRoute: RATE } } }, true)
  const both = await Promise.all([secondsFor(`${url}/big`, 2), secondsFor(`${url}/big`, 2, '127.0.0.8')])
  t.ok(Math.max(...both) >= 2 * LEAST_SECONDS, `${both.join(' and ')} s`)
})
