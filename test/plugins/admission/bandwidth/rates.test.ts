import t from 'tap'
import { CLASS_WEIGHTS, ClassTurns } from '../../../../plugins/admission/bandwidth/class-turns.ts'
import { isOutside } from '../../../../plugins/admission/bandwidth/outside.ts'
import { TokenBucket } from '../../../../plugins/admission/bandwidth/token-bucket.ts'

t.test('a bucket holds its rate over time, whatever the size of the pieces', async t => {
  for (const piece of [1, 1_000, 65_536, 1_000_000]) {
    const bucket = new TokenBucket(625_000, 0)
    let sent = 0
    for (let now = 0; now <= 60_000; now += 20) {
      while (bucket.level(now) > 0) {
        bucket.take(piece)
        sent += piece
      }
    }
    const rate = sent / 60
    t.ok(Math.abs(rate / 625_000 - 1) < 0.03, `${rate} bytes a second in pieces of ${piece}`)
  }
})

t.test('nothing is saved up beyond a tenth of a second', async t => {
  const bucket = new TokenBucket(1_000_000, 0)
  t.equal(bucket.level(3_600_000), 100_000)
  t.equal(new TokenBucket(1024, 0).level(0), 16_384)
})

t.test('a clock that goes back takes nothing away', async t => {
  const bucket = new TokenBucket(1_000_000, 1000)
  bucket.take(150_000)
  t.equal(bucket.level(1010), -40_000)
  t.equal(bucket.level(500), -40_000)
  t.equal(bucket.level(1020), -30_000)
})

t.test('what was taken in advance can be given back', async t => {
  const bucket = new TokenBucket(1_000_000, 0)
  bucket.take(16_384)
  t.notOk(bucket.isFull(0))
  bucket.take(-16_384)
  t.ok(bucket.isFull(0))
})

t.test('classes share a line by weight, and one alone has all of it', async t => {
  const share = (names: readonly string[]): Record<string, number> => {
    const turns = new ClassTurns()
    const sent: Record<string, number> = {}
    for (let n = 0; n < 13_000; n++) {
      const name = turns.next(each => names.includes(each))!
      turns.took(name, 1000)
      sent[name] = (sent[name] ?? 0) + 1
    }
    return sent
  }
  t.same(CLASS_WEIGHTS, { interactive: 8, stream: 4, bulk: 1 })
  const all = share(['interactive', 'stream', 'bulk'])
  t.ok(Math.abs(all['interactive']! - 8000) < 10 && Math.abs(all['bulk']! - 1000) < 10, JSON.stringify(all))
  t.same(share(['bulk']), { bulk: 13_000 })
})

t.test('a class that comes late has saved nothing up', async t => {
  const turns = new ClassTurns()
  for (let n = 0; n < 1000; n++) turns.took(turns.next(name => name === 'bulk')!, 1000)
  const next = () => {
    const name = turns.next(each => each !== 'stream')!
    turns.took(name, 1000)
    return name
  }
  const names = Array.from({ length: 99 }, next)
  t.ok(names.slice(0, 10).includes('bulk'))
  const bulk = names.filter(name => name === 'bulk').length
  t.ok(bulk === 10 || bulk === 11, `${bulk} of 99`)
})

t.test('clients outside are those without an address of the house', async t => {
  for (const address of ['8.8.8.8', '172.32.0.1', '2001:db8::1', '100.128.0.1']) t.ok(isOutside(address), address)
  for (const address of [
    '10.1.2.3',
    '172.16.9.9',
    '192.168.1.9',
    '127.0.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '100.64.0.1',
    '',
  ])
    t.notOk(isOutside(address), address)
})
