import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LoopDelayReader } from '../../../plugins/contract/index.ts'

function block(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

t.test('a blocked loop shows in every reader, each with a memory of its own', async t => {
  const one = new LoopDelayReader()
  const other = new LoopDelayReader()
  t.equal(one.maxMs, 0, 'nothing has been seen yet')
  await sleep(150)
  block(300)
  await sleep(50)
  t.ok(one.maxMs >= 190, `late by ${one.maxMs} ms: the idle loop is looked at every 100 ms`)
  t.ok(other.maxMs >= 190)
  one.reset()
  t.equal(one.maxMs, 0)
  t.ok(other.maxMs >= 190, 'the other one remembers')
  one.close()
  other.close()
})

t.test('a busy loop is looked at more often', async t => {
  const reader = new LoopDelayReader()
  t.teardown(() => reader.close())
  const untilMs = performance.now() + 1500
  while (performance.now() < untilMs) {
    block(15)
    await sleep(5)
  }
  const before = reader.histogram.count
  const endMs = performance.now() + 1000
  while (performance.now() < endMs) {
    block(15)
    await sleep(5)
  }
  const looks = reader.histogram.count - before
  t.ok(looks > 15, `${looks} looks in a second, 10 where it is idle`)
  t.ok(reader.recentMs > 0, 'and its delay is told')
})

t.test('nobody left: nothing is measured', async t => {
  const reader = new LoopDelayReader()
  await sleep(150)
  reader.close()
  const { count } = reader.histogram
  t.ok(count > 0, 'it was looked at before')
  await sleep(300)
  t.equal(reader.histogram.count, count)
})
