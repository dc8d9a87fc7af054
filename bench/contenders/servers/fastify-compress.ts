/** PORT ORIGIN: @fastify/compress before plain @fastify/http-proxy. */
import compress from '@fastify/compress'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [port = '0', upstream = ''] = process.argv.slice(2)
const app = Fastify()
await app.register(compress)
await app.register(httpProxy, { upstream })
await app.listen({ host: '127.0.0.1', port: Number(port) })
// An orderly exit, so that `--cpu-prof` writes its file.
process.once('SIGTERM', () => process.exit(0))
