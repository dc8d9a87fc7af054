/** What is told of a Redis that cannot be used: why, once, and that it is back. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { openStore, type Reach } from '../../../../plugins/cache/stores/index.ts'
import { ReachNews, SAME_AGAIN_MS } from '../../../../plugins/cache/stores/redis/reach.ts'
import { startRedis, until, withoutRedis } from './support.ts'

const SOON_MS = 10_000

t.test('one reason is told once a minute, another at once', async t => {
  const told: Reach[] = []
  const news = new ReachNews(reach => void told.push(reach))
  news.back()
  t.same(told, [], 'nothing was wrong')
  news.blame(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
  news.closed(0)
  news.closed(1_000)
  t.same(told.splice(0), [{ ok: false, reason: 'ECONNREFUSED' }])
  news.blame(new Error('WRONGPASS'))
  news.closed(2_000)
  t.same(told.splice(0), [{ ok: false, reason: 'WRONGPASS' }])
  news.back()
  t.same(told.splice(0), [{ ok: true }])
  news.late(3_000)
  news.back()
  t.same(told.splice(0), [{ ok: false, reason: 'it answers too late' }, { ok: true }])
  news.late(4_000)
  news.back()
  t.same(told.splice(0), [], 'it comes and goes')
  news.late(3_000 + SAME_AGAIN_MS)
  t.equal(told.length, 1)
})

t.test('a wrong password, and the right one', { skip: withoutRedis }, async t => {
  const redis = await startRedis(t)
  const say = async (words: string) => {
    const socket = connect(redis.port, '127.0.0.1')
    socket.write(words)
    await once(socket, 'data')
    socket.destroy()
  }
  await say('CONFIG SET requirepass right\r\n')
  for (const frontBytes of [0, 1_000_000]) {
    const told: Reach[] = []
    const onReach = (reach: Reach) => void told.push(reach)
    const store = await openStore(`redis://:wrong@127.0.0.1:${redis.port}/6`, { frontBytes, onReach })
    await until(() => told.length > 0, SOON_MS)
    t.match(told[0], { ok: false, reason: /^WRONGPASS/ })
    t.notMatch(JSON.stringify(told), /wrong@|right/)
    await say('AUTH right\r\nCONFIG SET requirepass wrong\r\n')
    await until(() => told.length > 1, SOON_MS)
    t.same(told[1], { ok: true })
    await store.close()
    t.equal(told.length, 2, 'its closing is no trouble')
    await say('AUTH wrong\r\nCONFIG SET requirepass right\r\n')
  }
})
