/** A Redis into which others write as well: other versions of the gateway, or somebody by mistake. */
import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis, withoutRedis } from '../plugins/cache/stores/support.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'
import { cacheStatus, config, get, later } from './cache-attack-support.ts'

t.setTimeout(200_000)

type Json = Record<string, unknown>
type Change = (entry: Json) => unknown

const inHead =
  (change: Json): Change =>
  entry => ({ ...entry, head: { ...(entry['head'] as Json), ...change } })

const changes: [string, Change][] = [
  ['no head', entry => ({ ...entry, head: null })],
  ['a head without limits', inHead({ limits: undefined })],
  ['a head with other names for Vary', inHead({ varyNames: null })],
  ['fields that are none', inHead({ headers: 'x' })],
  ['a field that ends its line', inHead({ headers: ['X-A', 'a\r\nX-B: c'] })],
  ['a length that is none', entry => ({ ...entry, bodyLength: '4' })],
  ['not even an object', () => 7],
]

t.test('what cannot be read is not stored, and ends no gateway', { skip: withoutRedis }, async t => {
  const redis = await startRedis(t)
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'max-age=60' }, 'page')),
  )
  t.teardown(() => origin.close())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const top = `store: "${redis.url}"\n`
  const writer = await gatewayProcess(t, config(origin.url, { top }))
  const reader = await gatewayProcess(t, config(origin.url, { top }))
  for (const [i, [what, change]] of changes.entries()) {
    const target = `/${i}`
    await until(async () => {
      await exchange(writer.port, get(target))
      return (await keyOf(client, target)) !== null
    })
    const { key, variant, record } = (await keyOf(client, target)) as Found
    const [member, at, text] = record.split('\n', 3) as [string, string, string]
    await client.hset(key, variant, [member, at, JSON.stringify(change(JSON.parse(text) as Json))].join('\n'))
    const got = await exchange(reader.port, get(target)).catch(error => error as Error)
    t.match(got, { status: 200, body: Buffer.from('page') }, what)
    t.notMatch(got instanceof Error ? '' : cacheStatus(got), /; hit/, what)
    t.equal(reader.child.exitCode, null, `${what}: ${reader.log().slice(0, 300)}`)
  }
})

interface Found {
  readonly key: string
  readonly variant: string
  readonly record: string
}

async function keyOf(client: Redis, target: string): Promise<Found | null> {
  for (const key of await client.keys('*:k:*')) {
    for (const [variant, record] of Object.entries(await client.hgetall(key))) {
      if (record.includes(`"http://site.test${target}"`)) return { key, variant, record }
    }
  }
  return null
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await condition()) return
    await later(50)
  }
  throw new Error('gave up waiting')
}
