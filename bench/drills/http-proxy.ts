/** Fastify with plain @fastify/http-proxy, its defaults: `node http-proxy.ts PORT ORIGIN_PORT...`, in turn. */
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [port, ...origins] = process.argv.slice(2)
let turn = 0
const app = Fastify()
await app.register(httpProxy, {
  upstream: '',
  replyOptions: { getUpstream: () => `http://127.0.0.1:${origins[turn++ % origins.length]}` },
})
await app.listen({ port: Number(port), host: '127.0.0.1' })
