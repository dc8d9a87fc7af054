import t from 'tap'
import { type Failure, findGrowth, isExplained } from './judge.ts'

const outage = { fromMs: 10_000, untilMs: 11_000 }
const failure: Failure = { visitor: 'post', what: 'answered 502', fromMs: 10_100, untilMs: 10_200 }

t.test('an outage explains a POST that was told, and nothing else', async t => {
  t.equal(isExplained(failure, [outage]), true)
  t.equal(isExplained({ ...failure, what: 'answered 504', fromMs: 9_000 }, [outage]), true)
  t.equal(isExplained({ ...failure, fromMs: 20_000, untilMs: 20_100 }, [outage]), false, 'long after it')
  t.equal(isExplained({ ...failure, visitor: 'page' }, [outage]), false, 'a page can be had from the other app')
  t.equal(isExplained({ ...failure, what: 'wrong bytes' }, [outage]), false)
  t.equal(isExplained({ ...failure, what: 'answered 200' }, [outage]), false)
  t.equal(isExplained(failure, []), false)
})

const MIB = 1024 ** 2
const samples = (heap: (i: number) => number, descriptors: (i: number) => number) =>
  Array.from({ length: 40 }, (_, i) => {
    const [count, heapBytes] = [descriptors(i), heap(i) * MIB]
    return { heapBytes, rssBytes: 0, descriptors: count, sockets: count, timers: count }
  })

t.test('a leak is a floor that rises', async t => {
  const sawTooth = (i: number) => 60 + (i % 5) * 20
  t.strictSame(findGrowth(samples(sawTooth, () => 50)), [])
  t.match(
    findGrowth(
      samples(
        i => sawTooth(i) + i * 5,
        () => 50,
      ),
    ),
    [/^heap from/],
  )
  t.match(findGrowth(samples(sawTooth, i => 50 + i * 2)), [/^descriptors from/, /^sockets from/, /^timers from/])
  t.strictSame(
    findGrowth(
      samples(
        i => (i < 10 ? 10 : 60),
        () => 50,
      ),
    ),
    [],
    'warming up',
  )
  t.match(findGrowth([]), [/too few/])
})
