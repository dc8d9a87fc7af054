/**
 * An origin that answers after a few milliseconds, breaks off some requests, and counts how many it has at once.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { type AdmissionInput, admission, type LaneSnapshot } from '../../../plugins/admission/index.ts'
import { proxy } from '../../../plugins/proxy/index.ts'
import { upstream } from '../../../plugins/upstream/index.ts'

export interface Storm {
  request(agent: http.Agent, n: number, fate: Fate): Promise<string>
  lane(): LaneSnapshot
  mostAtOrigin(): number
}

export interface Fate {
  readonly leaves: boolean
  readonly leavesAfterMs: number
  /** 0 = the origin breaks the connection off. */
  readonly fails: number
}

export async function startStorm(t: { teardown(fn: () => unknown): void }, options: AdmissionInput): Promise<Storm> {
  let running = 0
  let most = 0
  const origin = http.createServer((request, response) => {
    most = Math.max(most, ++running)
    response.once('close', () => running--)
    if (request.url?.startsWith('/fails')) return void request.socket.destroy()
    setTimeout(() => response.end('done'), 3)
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const app = Fastify({ forceCloseConnections: true })
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  await app.register(upstream, { upstreams: { app: { origins: [{ url }], minSize: 0 } } })
  await app.register(admission, options)
  await app.register(proxy, { upstream: 'app', direct: true })
  const base = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await app.close()
    origin.closeAllConnections()
    origin.close()
  })
  return {
    request: (agent, n, fate) => send(`${base}/${fate.fails === 0 ? 'fails' : 'ok'}/${n}`, agent, fate),
    lane: () => [...app.admission.snapshot()][0] as LaneSnapshot,
    mostAtOrigin: () => most,
  }
}

function send(url: string, agent: http.Agent, { leaves, leavesAfterMs }: Fate): Promise<string> {
  return new Promise(resolve => {
    const request = http.get(url, { agent }, response => {
      response.resume()
      response.once('close', () => resolve(response.complete ? String(response.statusCode) : 'left'))
    })
    request.once('error', () => resolve('left'))
    if (leaves) setTimeout(() => request.destroy(), leavesAfterMs)
  })
}
