import fc from 'fast-check'
import t from 'tap'
import { Bag } from '../../../plugins/contract/index.ts'

const member = (name: string) => ({ name, bagIndex: -1 })

t.test('a bag is a set, whatever the order of adding and deleting', async t => {
  const members = Array.from({ length: 8 }, (_, i) => member(String(i)))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(7))), steps => {
      const bag = new Bag<(typeof members)[0]>()
      const model = new Set<(typeof members)[0]>()
      for (const each of members) each.bagIndex = -1
      for (const [adds, i] of steps) {
        const one = members[i]
        if (adds) {
          bag.add(one)
          model.add(one)
        } else if (bag.delete(one) !== model.delete(one)) return false
      }
      const seen = new Set<(typeof members)[0]>()
      bag.visit(each => void seen.add(each))
      return bag.size === model.size && seen.size === model.size && [...seen].every(each => model.has(each))
    }),
  )
  t.pass()
})

t.test('members may leave while they are visited, each is visited once', async t => {
  const bag = new Bag<ReturnType<typeof member>>()
  const members = ['a', 'b', 'c', 'd'].map(member)
  for (const each of members) bag.add(each)
  const seen: string[] = []
  bag.visit(each => {
    seen.push(each.name)
    bag.delete(each)
  })
  t.strictSame(seen.toSorted(), ['a', 'b', 'c', 'd'])
  t.equal(bag.size, 0)
})
