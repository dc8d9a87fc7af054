import t from 'tap'
import { Attempts } from '../../../plugins/access/attempts.ts'
import { type AttemptQuestion, SharedAttempts } from '../../../plugins/access/shared-attempts.ts'

const limit = { attempts: 3, windowMs: 60_000 }

/** Processes that count together, as the channel between them would have it. */
function crew(size: number) {
  const all = new Attempts()
  let asked = 0
  return {
    asked: () => asked,
    members: Array.from({ length: size }, () => {
      const member: SharedAttempts = new SharedAttempts({
        ask: ({ id, sender, ...rest }) => {
          asked++
          queueMicrotask(() => member.answered(id, all.take(sender, rest, 0)))
        },
        forgive: sender => all.forgive(sender),
      })
      return member
    }),
  }
}

t.test('several processes let a sender guess as often as one', async t => {
  const { members } = crew(4)
  const waits: number[] = []
  for (let i = 0; i < 12; i++) waits.push(await members[i % 4]!.take('a', limit, 0))
  t.strictSame(waits.slice(0, 3), [0, 0, 0])
  t.ok(waits.slice(3).every(wait => wait === 60_000))
  t.equal(await members[0]!.take('b', limit, 0), 0)
})

t.test('a right password is forgiven by all', async t => {
  const { members } = crew(2)
  for (let i = 0; i < 10; i++) {
    t.equal(await members[i % 2]!.take('a', limit, 0), 0)
    members[i % 2]!.forgive('a')
  }
})

t.test('what is too many here is refused without asking', async t => {
  const { members, asked } = crew(1)
  for (let i = 0; i < 10; i++) await members[0]!.take('a', limit, 0)
  t.equal(asked(), 3)
})

t.test('without an answer the count of this process decides, and few questions are open', async t => {
  const questions: AttemptQuestion[] = []
  const alone = new SharedAttempts({ ask: question => questions.push(question), forgive: () => {} })
  const many = Array.from({ length: 1_200 }, (_, i) => alone.take(`s${i}`, limit, 0))
  t.equal(questions.length, 1_000)
  t.equal(many.at(-1), 0)
  t.ok((await Promise.all(many)).every(wait => wait === 0))
  alone.answered(questions[0]?.id ?? 0, 5)
  for (const expected of [0, 0]) t.equal(await alone.take('s0', limit, 0), expected)
  t.equal(await alone.take('s0', limit, 0), 60_000)
})
