import t from 'tap'
import { EventStreams } from '../../../plugins/proxy/event-streams.ts'

function streams(...routes: string[]) {
  const all = new EventStreams()
  const ended: string[] = []
  const made = routes.map(route => ({ route, end: () => void ended.push(route) }))
  for (const stream of made) all.add(stream)
  return { all, ended, made }
}

t.test('streams that match get the time, then they are ended; others stay', async t => {
  t.clock.enter()
  t.teardown(() => t.clock.exit())
  const { all, ended } = streams('a', 'b', 'a')
  const closing = all.closeWhere(({ route }) => route === 'a', 1_000)
  t.clock.advance(999)
  t.strictSame(ended, [])
  t.clock.advance(1)
  await closing
  t.strictSame(ended, ['a', 'a'])
})

t.test('a stream that has left, or matches no more, is not ended', async t => {
  t.clock.enter()
  t.teardown(() => t.clock.exit())
  const { all, ended, made } = streams('a', 'b', 'c')
  const removed = new Set(['a', 'b', 'c'])
  const closing = all.closeWhere(({ route }) => removed.has(route), 1_000)
  all.delete(made[0] as (typeof made)[0])
  removed.delete('b')
  all.add({ route: 'c', end: () => void ended.push('a new c') })
  t.equal(all.count, 3)
  t.clock.advance(1_000)
  await closing
  t.strictSame(ended, ['c', 'a new c'], 'one that began meanwhile is among them')
})

t.test('when the app stops, streams that begin after the time are ended at once', async t => {
  t.clock.enter()
  t.teardown(() => t.clock.exit())
  const { all, ended } = streams()
  const closing = all.closeWhere(() => true, 1_000, true)
  t.clock.advance(1_000)
  await closing
  all.add({ route: 'late', end: () => void ended.push('late') })
  await Promise.resolve()
  await new Promise(resolve => process.nextTick(resolve))
  t.strictSame(ended, ['late'])
})

t.test('nothing to close takes no time', async t => {
  const { all, ended } = streams('a')
  await all.closeWhere(() => false, 600_000)
  t.strictSame(ended, [])
})
