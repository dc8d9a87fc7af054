import t from 'tap'
import { isLocalAddress } from '../../../plugins/compression/measure/bandwidth.ts'
import { calibrate } from '../../../plugins/compression/measure/calibration.ts'
import { Costs } from '../../../plugins/compression/measure/costs.ts'
import { chooseLevel, type LevelQuestion } from '../../../plugins/compression/rules/choose-level.ts'
import { levelOnScale, onTheFly } from '../../../plugins/compression/rules/levels.ts'

const idle = { loopDelayMs: 0, cpuShare: 0, isHighFull: false }
const question: LevelQuestion = { coding: 'gzip', ceiling: 6, length: 100_000, bytesPerMs: 1_250, load: idle }
const costs = new Costs()
const choose = (part: Partial<LevelQuestion>) => {
  const asked = { ...question, ...part }
  return chooseLevel(asked, level => costs.of(asked.coding, level, 'text'))
}

t.test('time and bytes choose the level, within what the route and the load allow', async t => {
  t.match(choose({}), { reason: 'cheapest' })
  t.ok(choose({ bytesPerMs: 100 }).level >= choose({ bytesPerMs: 100_000 }).level, 'a slow client is worth more effort')
  t.ok(choose({ bytesPerMs: 100_000 }).level > 1, 'and a fast one gets no more than 3 % more bytes')
  t.strictSame(choose({ ceiling: 1 }), { level: 1, reason: 'only' })
  t.strictSame(choose({ load: { ...idle, loopDelayMs: 50 }, bytesPerMs: 100_000 }), { level: 1, reason: 'loaded' })
  t.strictSame(choose({ load: { ...idle, cpuShare: 0.95 }, bytesPerMs: 100_000 }), { level: 1, reason: 'loaded' })
  const full = choose({ coding: 'br', ceiling: 9, bytesPerMs: 10, load: { ...idle, isHighFull: true } })
  t.ok(full.level < 6, 'no further high level while all cores have one')
  t.ok(choose({ coding: 'br', ceiling: 9, bytesPerMs: 10 }).level >= 6)
})

t.test('a scale of 9 reaches the top of each coding and begins at its bottom', async t => {
  t.strictSame([levelOnScale('gzip', 9), levelOnScale('br', 9), levelOnScale('zstd', 9)], [9, 11, 19])
  t.strictSame([levelOnScale('gzip', 1), levelOnScale('br', 1), levelOnScale('zstd', 1)], [1, 1, 2])
})

t.test('what is encoded corrects the costs of all levels of its coding, an odd body little', async t => {
  const learned = new Costs()
  const before = learned.of('br', 5, 'text')
  for (let i = 0; i < 200; i++) {
    learned.learn({ coding: 'br', level: 4, contentClass: 'text', bytesIn: 100_000, bytesOut: 10_000, ms: 5 })
  }
  t.ok(learned.of('br', 5, 'text').ratio < before.ratio / 2)
  t.ok(learned.of('br', 5, 'text').msPerKiB > before.msPerKiB)
  t.strictSame(learned.of('br', 5, 'image'), before, 'another class is not touched')
  const odd = new Costs()
  odd.learn({ coding: 'br', level: 4, contentClass: 'text', bytesIn: 100_000, bytesOut: 99_000, ms: 9_000 })
  t.ok(odd.of('br', 4, 'text').msPerKiB < before.msPerKiB * 1.2)
})

t.test('the calibration measures every level in slices and can be ended', async t => {
  const told: string[] = []
  const watched = { calibrate: (coding: string, level: number) => told.push(`${coding} ${level}`) }
  await calibrate(watched as unknown as Costs, ['zstd'], new AbortController().signal)
  t.ok(told.length >= 1 && told.length <= onTheFly.zstd.length)
  const none: string[] = []
  await calibrate({ calibrate: () => none.push('x') } as unknown as Costs, ['gzip'], AbortSignal.abort())
  t.strictSame(none, [])
})

t.test('private and link-local addresses are the local network', async t => {
  for (const address of [
    '10.1.2.3',
    '192.168.0.9',
    '172.20.1.1',
    '127.0.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '::ffff:10.0.0.1',
  ]) {
    t.equal(isLocalAddress(address), true, address)
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '2001:db8::1']) t.equal(isLocalAddress(address), false, address)
})
