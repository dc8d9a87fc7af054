/** What the lists in Redis and the last requests tell of an answer that the gateway has encoded. */
import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis, until, withoutRedis } from '../plugins/cache/stores/support.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { get, originFor, route } from './support.ts'

const page = 'hello '.repeat(1000)
const LIST = 'hearthgate:v1:compression_stats:gzip'

interface Told {
  readonly notes: readonly { readonly topic: string; readonly reason: string; readonly numbers?: object }[]
}

t.test('an encoded answer is told with the level and the class of its content', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const origin = await originFor(t, (_, socket) => socket.write(answer(200, { 'Content-Type': 'text/html' }, page)))
  const yaml = `${base}redis: { url: "${server.url}" }\nroutes:\n${route('app', '/', origin.url)}`
  const { port, adminUrl } = await startGateway(t, yaml)
  const { headers } = await exchange(port, get('/', 'Accept-Encoding: gzip\r\nConnection: close\r\n'))
  t.equal(headers['content-encoding'], 'gzip')

  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  await until(async () => (await redis.llen(LIST)) === 1, 20_000)
  const entry = JSON.parse((await redis.lindex(LIST, 0)) ?? '')
  t.match(entry, { codec: 'gzip', type: 'text', route: 'app', original_size: page.length })
  t.ok(entry.level >= 1 && entry.level <= 9, `level ${entry.level}`)

  const why = await fetch(`${adminUrl}/api/explain?id=${headers['x-request-id']}`)
  const { request } = (await why.json()) as { request: Told }
  const noted = request.notes.filter(({ topic }) => topic === 'compression')
  const numbers = { coding: 'gzip', level: entry.level, type: 'text' }
  t.strictSame(noted, [{ topic: 'compression', reason: 'encoded', numbers }], 'and by explain --id')
})
