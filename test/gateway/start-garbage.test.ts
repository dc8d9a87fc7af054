/** When the garbage of the start is collected. */
import t from 'tap'
import { collectStartGarbage } from '../../gateway/start-garbage.ts'

/** Keeps the process up while the timers of the gateway, which would not, run. */
function awake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1_000)
  return promise.finally(() => clearInterval(timer))
}

t.test('an idle process collects what its start left', async t => {
  const kept: unknown[] = Array.from({ length: 200_000 }, () => ({}))
  const before = process.memoryUsage().heapUsed
  kept.length = 0
  // The runner itself has work to do now and then, and a busy machine makes it longer.
  let isCollected = false
  for (let i = 0; i < 20 && !isCollected; i++) isCollected = await awake(collectStartGarbage(500))
  t.equal(isCollected, true)
  t.ok(process.memoryUsage().heapUsed < before)
})

t.test('a process that has something to do is left alone', async t => {
  const collected = collectStartGarbage(50)
  const endMs = performance.now() + 100
  while (performance.now() < endMs);
  t.equal(await awake(collected), false)
})
