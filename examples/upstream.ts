/**
 * `upstream` alone: a handler of your own asks a group of origins, over pooled connections with failover, through
 * undici's ordinary `request`. Users write 'hearthgate/upstream'.
 */
import Fastify from 'fastify'
import { request } from 'undici'
import { type UpstreamGroupOptions, upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify()
  const wiki = { origins: [{ url: sample.url }], maxSize: 20, headTimeoutMs: 5_000 } as UpstreamGroupOptions
  await app.register(upstream, { upstreams: { wiki } })

  const dispatcher = app.upstream.dispatcher('wiki')
  app.get('/summary', async () => {
    // The host of this URL becomes the Host field; the connection goes to the group's origins in any case.
    const { statusCode, body } = await request('http://wiki.home.arpa/api/pages', { dispatcher })
    return { statusCode, answer: await body.json() }
  })
  app.get('/connections', () => [...app.upstream.snapshot()])

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
