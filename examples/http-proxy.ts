/**
 * Our dispatcher under a plain @fastify/http-proxy: you keep that package and its options, and get our connections,
 * balancing and failover under it. Users write 'hearthgate/upstream'.
 */
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { type UpstreamGroupOptions, upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const [one, other] = [await startSampleApp(), await startSampleApp()]
  const app = Fastify({ forceCloseConnections: true })
  const origins = [
    { url: one.url, weight: 1 },
    { url: other.url, weight: 1 },
  ]
  await app.register(upstream, { upstreams: { wiki: { origins } as UpstreamGroupOptions } })
  // http-proxy wants an address; the group decides where requests really go.
  const undici = app.upstream.dispatcher('wiki') as never
  await app.register(httpProxy, { upstream: 'http://wiki.home.arpa', prefix: '/wiki', undici })

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url,
    close: async () => {
      await app.close()
      await Promise.all([one.close(), other.close()])
    },
  }
}

await runIfMain(import.meta.url, start)
