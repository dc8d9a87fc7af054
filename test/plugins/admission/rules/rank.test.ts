import t from 'tap'
import { RANKS, rankOf, urgencyOf } from '../../../../plugins/admission/rules/rank.ts'

const cases: readonly (readonly [headers: string[], urgency: number])[] = [
  [[], 3],
  [['Host', 'a'], 3],
  [['Priority', 'u=0, i'], 0],
  [['priority', 'i, u=6'], 6],
  [['Priority', 'u=2;x=1'], 2],
  [['Priority', 'u=9'], 3],
  [['Priority', 'u=10'], 3],
  [['Priority', 'u='], 3],
  [['Priority', 'i'], 3],
  [['Sec-Fetch-Dest', 'document'], 0],
  [['Sec-Fetch-Dest', 'image'], 5],
  [['Sec-Fetch-Dest', 'toString'], 3],
  [['Sec-Fetch-Dest', 'image', 'Priority', 'u=1'], 1],
  [['Accept', 'text/html,application/xhtml+xml'], 0],
  [['Accept', 'image/avif,image/webp,*/*;q=0.8'], 5],
  [['Accept', '*/*'], 3],
  [['Accept', 'image/*', 'Sec-Fetch-Dest', 'document'], 0],
  [['Sec-Purpose', 'prefetch;prerender', 'Accept', 'text/html'], 7],
  [['Purpose', 'prefetch', 'Priority', 'u=0'], 7],
]

t.test('a request says itself how urgent it is', async t => {
  for (const [headers, urgency] of cases) t.equal(urgencyOf(headers), urgency, headers.join(' '))
})

t.test('no word of a request lifts it above the class of its route', async t => {
  t.ok(rankOf('interactive', ['Priority', 'u=7']) < rankOf('stream', ['Priority', 'u=0']))
  t.ok(rankOf('stream', ['Priority', 'u=7']) < rankOf('bulk', ['Priority', 'u=0']))
  t.equal(rankOf('bulk', ['Priority', 'u=7']), RANKS - 1)
})
