/** PORT ORIGIN: plain @fastify/reply-from behind one catch-all route. */
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'

const [port = '0', base = ''] = process.argv.slice(2)
const app = Fastify()
// Bodies go through as they are; without this Fastify would parse JSON and refuse other types.
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
await app.register(replyFrom, { base })
app.all('/*', (request, reply) => reply.from(request.raw.url))
await app.listen({ host: '127.0.0.1', port: Number(port) })
// An orderly exit, so that `--cpu-prof` writes its file.
process.once('SIGTERM', () => process.exit(0))
