import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { type Lookup, Resolver } from '../../../plugins/upstream/resolver.ts'

const v4 = (address: string): LookupAddress => ({ address, family: 4 })
const failed = (code: string) => Object.assign(new Error(code), { code })

/** A name service that answers what the test says, each question when the test says. */
function nameService() {
  const asked: { name: string; options: object; done: Parameters<Lookup>[2] }[] = []
  const lookup: Lookup = (name, options, done) => {
    asked.push({ name, options, done })
  }
  return { asked, resolver: new Resolver(lookup) }
}

t.test('a name is asked anew each time', async t => {
  const { asked, resolver } = nameService()
  for (const address of ['10.0.0.1', '10.0.0.2']) {
    const answer = resolver.resolve('wiki')
    asked.at(-1)?.done(null, [v4(address)])
    t.strictSame(await answer, [v4(address)])
  }
  t.equal(asked.length, 2)
  t.strictSame(asked[0]?.options, { all: true, order: 'verbatim' }, 'all addresses, in the order of the name service')
})

t.test('questions that overlap share one answer, other names do not', async t => {
  const { asked, resolver } = nameService()
  const [one, two, other] = [resolver.resolve('wiki'), resolver.resolve('wiki'), resolver.resolve('photos')]
  t.strictSame(
    asked.map(({ name }) => name),
    ['wiki', 'photos'],
  )
  asked[0]?.done(null, [v4('10.0.0.1'), { address: 'fd00::1', family: 6 }])
  asked[1]?.done(null, [v4('10.0.0.9')])
  t.equal(await one, await two)
  t.equal((await one).length, 2)
  t.strictSame(await other, [v4('10.0.0.9')])
})

t.test('while the name service fails, the last good answer stands in, for five minutes', async t => {
  t.clock.enter()
  t.teardown(() => t.clock.exit())
  const { asked, resolver } = nameService()
  const ask = async (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => {
    const answer = resolver.resolve('wiki')
    asked.at(-1)?.done(error, addresses)
    return answer
  }
  await t.rejects(ask(failed('ENOTFOUND'), []), { code: 'ENOTFOUND' }, 'nothing good was known')
  await t.rejects(ask(null, []), { message: 'wiki has no address' })
  await ask(null, [v4('10.0.0.1')])
  await ask(null, [v4('10.0.0.2')])
  t.clock.advance(299_000)
  t.strictSame(await ask(failed('EAI_AGAIN'), []), [v4('10.0.0.2')], 'the last one, not the first')
  t.strictSame(await ask(null, []), [v4('10.0.0.2')], 'an empty answer is a failure')
  t.clock.advance(2_000)
  await t.rejects(ask(failed('EAI_AGAIN'), []), { code: 'EAI_AGAIN' })
})

t.test('a failure is not shared with the next question', async t => {
  const { asked, resolver } = nameService()
  const first = resolver.resolve('wiki')
  asked[0]?.done(failed('ENOTFOUND'), [])
  await t.rejects(first)
  const second = resolver.resolve('wiki')
  asked[1]?.done(null, [v4('10.0.0.1')])
  t.strictSame(await second, [v4('10.0.0.1')])
})
