import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import t from 'tap'
import { compression } from '../../../plugins/compression/index.ts'
import {
  isLocalAddress,
  LAN_BYTES_PER_MS,
  usualBytesPerMs,
  WAN_BYTES_PER_MS,
} from '../../../plugins/compression/measure/bandwidth.ts'
import { calibrate } from '../../../plugins/compression/measure/calibration.ts'
import { ClientRates, MAX_CLIENTS, rateOf } from '../../../plugins/compression/measure/client-rates.ts'
import { Costs } from '../../../plugins/compression/measure/costs.ts'
import { isEncodedAtOnce, MAX_AT_ONCE_BYTES } from '../../../plugins/compression/rules/at-once.ts'
import { chooseLevel, type LevelQuestion } from '../../../plugins/compression/rules/choose-level.ts'
import { levelOnScale, onTheFly, reference } from '../../../plugins/compression/rules/levels.ts'
import { type ExchangeEntry, exchangesOf } from '../../../plugins/contract/index.ts'

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
  for (const load of [
    { ...idle, loopDelayMs: 50 },
    { ...idle, cpuShare: 0.95 },
  ]) {
    for (const coding of ['gzip', 'br', 'zstd'] as const) {
      const slow = { coding, load, ceiling: 9, bytesPerMs: 100 }
      const { level, reason } = choose(slow)
      t.equal(reason, 'loaded')
      t.ok(
        level < choose({ ...slow, load: idle }).level,
        `${coding} ${level}: encoding costs less than for a slow client`,
      )
      const most = costs.of(coding, reference[coding], 'text').ratio * 1.06
      t.ok(costs.of(coding, level, 'text').ratio <= most, `${coding} ${level}: but not for more bytes`)
    }
  }
  const full = choose({ coding: 'br', ceiling: 9, bytesPerMs: 10, load: { ...idle, isHighFull: true } })
  t.ok(full.level < 6, 'no further high level while all cores have one')
  t.ok(choose({ coding: 'br', ceiling: 9, bytesPerMs: 10 }).level >= 6)
})

t.test('under load long bodies get gzip 5, short ones 4, of which they are hardly longer', async t => {
  const loaded = { coding: 'gzip', load: { ...idle, cpuShare: 0.95 } } as const
  t.equal(choose({ ...loaded, length: 400_000 }).level, 5)
  t.equal(choose({ ...loaded, length: 100_000 }).level, 4)
  t.equal(choose({ ...loaded, length: null }).level, 4)
})

t.test('zstd: a fast client gets a quick level, a slow one the bytes of br 5', async t => {
  const zstd = { coding: 'zstd', ceiling: 9, length: 1_000_000 } as const
  t.ok(choose({ ...zstd, bytesPerMs: LAN_BYTES_PER_MS }).level <= 4)
  const slow = choose({ ...zstd, bytesPerMs: WAN_BYTES_PER_MS }).level
  t.ok(costs.of('zstd', slow, 'text').ratio <= costs.of('br', 5, 'text').ratio * 1.01, `level ${slow}`)
})

t.test('the pace of a client is read from long whole answers; a higher figure is believed at once', async t => {
  const long = { outcome: 'ok', bytesOut: 2_128 * 1024, firstByteMs: 10, durationMs: 1_010, isLongHeld: false }
  t.equal(rateOf(long), (2_000 * 1024) / 1_000)
  t.equal(rateOf({ ...long, durationMs: 11 }), (2_000 * 1024) / 20, 'no faster than the clock can tell')
  for (const untold of [
    { outcome: 'client_left' },
    { outcome: 'origin_cut' },
    { bytesOut: null },
    { bytesOut: 500 * 1024 },
    { firstByteMs: null },
    { isLongHeld: true },
  ]) {
    t.equal(rateOf({ ...long, ...untold }), null, JSON.stringify(untold))
  }
  const rates = new ClientRates()
  t.equal(rates.of('10.0.0.1'), null)
  rates.learn('10.0.0.1', 1_000)
  rates.learn('10.0.0.1', 3_000)
  t.equal(rates.of('10.0.0.1'), 3_000)
  rates.learn('10.0.0.1', 500)
  t.equal(rates.of('10.0.0.1'), 2_500, 'one slow origin does not make a slow client')
  for (let i = 0; i < 100; i++) rates.learn('10.0.0.1', 500)
  t.ok(Math.abs((rates.of('10.0.0.1') ?? 0) - 500) < 1, 'a client that has moved away is slow in the end')
  for (let i = 0; i < MAX_CLIENTS; i++) rates.learn(`2001:db8::${i.toString(16)}`, 9)
  t.equal(rates.of('10.0.0.1'), null, 'bounded: who was silent for longest is forgotten')
  t.equal(rates.of('2001:db8::0'), 9)
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
    t.equal(usualBytesPerMs(address), LAN_BYTES_PER_MS)
  }
  t.equal(usualBytesPerMs('8.8.8.8'), WAN_BYTES_PER_MS)
  for (const address of ['8.8.8.8', '172.32.0.1', '2001:db8::1']) t.equal(isLocalAddress(address), false, address)
})

t.test('a client that was slow to read gets fewer bytes than before', async t => {
  const app = Fastify()
  await app.register(compression)
  const script = readFileSync(new URL('../../../plugins/compression/answer/send-hook.ts', import.meta.url), 'utf8')
  app.get('/', (_request, reply) => void reply.type('text/javascript').send(script.repeat(8)))
  t.teardown(() => app.close())
  const ask = async () => (await app.inject({ url: '/', headers: { 'accept-encoding': 'zstd' } })).rawPayload.length
  const before = await ask()
  const slow = { client: '127.0.0.1', outcome: 'ok', bytesOut: 1024 * 1024, firstByteMs: 0, durationMs: 60_000 }
  exchangesOf(app).tell({ ...slow, isLongHeld: false } as ExchangeEntry, {})
  t.ok((await ask()) < before * 0.97, `${before} bytes before`)
})

t.test('short bodies are encoded at once, longer ones where it takes next to nothing', async t => {
  const KIB = 1024
  t.ok(isEncodedAtOnce(128 * KIB, 10), 'whatever it takes')
  t.notOk(isEncodedAtOnce(129 * KIB, 0.01))
  t.ok(isEncodedAtOnce(400 * KIB, 0.003))
  t.notOk(isEncodedAtOnce(400 * KIB, 0.0031))
  t.ok(isEncodedAtOnce(MAX_AT_ONCE_BYTES, 0))
  t.notOk(isEncodedAtOnce(MAX_AT_ONCE_BYTES + 1, 0), 'which is held as a whole')
})
