import fc from 'fast-check'
import t from 'tap'
import { FILL_WINDOW_BYTES, FillBody, KeptBytes } from '../../../../plugins/cache/fill/fill-body.ts'

const MiB = 1024 * 1024
const block = Buffer.alloc(MiB)

t.test('all chunks are there for those who come late', async t => {
  const body = new FillBody(new KeptBytes(), true)
  for (const text of ['a', 'bc', 'def']) body.push(Buffer.from(text))
  t.equal(body.total, 6)
  t.equal(body.isWhole, true)
  body.dropBefore(2)
  t.equal(body.at(0)?.toString(), 'a', 'nothing is dropped while it is whole')
  t.equal(body.at(2)?.toString(), 'def')
  t.equal(body.at(3), undefined)
})

t.test('what is for one reader goes when it has been read, and chunks keep their numbers', async t => {
  const shared = new KeptBytes()
  const body = new FillBody(shared, false)
  for (const text of ['a', 'bc', 'def']) body.push(Buffer.from(text))
  t.equal(body.isWhole, false)
  body.dropBefore(2)
  t.equal(body.at(0), undefined)
  t.equal(body.at(1), undefined)
  t.equal(body.at(2)?.toString(), 'def')
  t.equal(shared.bytes, 3)
  body.dropBefore(1)
  t.equal(body.at(2)?.toString(), 'def', 'nobody goes back')
  body.push(Buffer.from('gh'))
  t.equal(body.at(3)?.toString(), 'gh')
  body.dropBefore(Number.MAX_SAFE_INTEGER)
  t.equal(shared.bytes, 0)
  t.equal(body.at(4), undefined)
  body.push(Buffer.from('i'))
  t.equal(body.at(4)?.toString(), 'i')
  t.equal(body.total, 9)
})

t.test('a long one cannot be joined from its first byte any more', async t => {
  const body = new FillBody(new KeptBytes(), true)
  for (let at = 0; at < FILL_WINDOW_BYTES; at += MiB) body.push(block)
  t.equal(body.isWhole, true, 'exactly the window still can')
  body.push(Buffer.alloc(1))
  t.equal(body.isWhole, false)
})

t.test('all of an app together keep no more than their bound', async t => {
  const shared = new KeptBytes()
  const bodies = Array.from({ length: 16 }, () => new FillBody(shared, true))
  for (let i = 0; i < 4; i++) for (const body of bodies) body.push(block)
  t.equal(shared.bytes, 64 * MiB)
  t.ok(bodies.every(body => body.isWhole))
  t.equal(shared.isFull, false)
  const other = new FillBody(shared, true)
  other.push(Buffer.alloc(1))
  t.equal(shared.isFull, true)
  t.equal(other.isWhole, false)
  t.ok(
    bodies.every(body => body.isWhole),
    'those before it stay',
  )
  other.clear()
  for (const body of bodies) body.clear()
  t.equal(shared.bytes, 0)
  t.equal(shared.isFull, false)
})

t.test('what is cleared is given back once', async t => {
  const shared = new KeptBytes()
  const body = new FillBody(shared, true)
  body.push(block)
  body.clear()
  body.clear()
  body.dropBefore(1)
  t.equal(shared.bytes, 0)
  t.equal(body.isWhole, false)
  t.equal(body.at(0), undefined)
})

t.test('whatever readers do, what is counted is what is kept', async () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 2000 }) }),
    fc.record({ drop: fc.nat({ max: 40 }) }),
  )
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 40 }), (isKept, steps) => {
      const shared = new KeptBytes()
      const body = new FillBody(shared, isKept)
      let pushed = 0
      for (const each of steps) {
        if ('push' in each) {
          body.push(Buffer.alloc(each.push, pushed++ % 256))
        } else body.dropBefore(each.drop)
        let counted = 0
        for (let i = 0; i < pushed; i++) {
          const chunk = body.at(i)
          counted += chunk?.length ?? 0
          if (chunk?.some(byte => byte !== i % 256)) return false
        }
        if (counted !== shared.bytes) return false
      }
      body.clear()
      return shared.bytes === 0
    }),
  )
})
