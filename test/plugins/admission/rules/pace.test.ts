import t from 'tap'
import {
  FOLLOWS_MS,
  newcomer,
  PACE_LEVELS,
  type Pace,
  paceAfterArrival,
  paceLevel,
} from '../../../../plugins/admission/rules/pace.ts'

/** `thinkMs` after each answer, which takes `answerMs`, the client asks again. */
function levelAfter(requests: number, thinkMs: number, answerMs = 800): number {
  let pace: Pace = newcomer
  let nowMs = 0
  for (let n = 0; n < requests; n++) {
    pace = paceAfterArrival(pace, nowMs)
    nowMs += answerMs
    pace = { ...pace, endedMs: nowMs }
    nowMs += thinkMs
  }
  return paceLevel(pace)
}

t.test('who thinks looks, however often; who comes back at once fetches', async t => {
  t.equal(paceLevel(paceAfterArrival(newcomer, 0)), 1, 'a newcomer, behind whoever is known')
  t.equal(levelAfter(1_000, FOLLOWS_MS + 1, 1), 0, 'twenty requests a second, each after a pause')
  t.strictSame(
    [1, 2, 3, 5, 9, 17, 33, 1_000].map(requests => levelAfter(requests, 1)),
    [0, 2, 3, 4, 5, 6, 7, PACE_LEVELS - 1],
  )
  t.equal(levelAfter(100, FOLLOWS_MS), PACE_LEVELS - 1, 'to the millisecond')
})

t.test('one pause makes up for all that was fetched', async t => {
  const fetcher: Pace = { endedMs: 1_000, followed: 500 }
  t.equal(paceLevel(paceAfterArrival(fetcher, 1_001)), PACE_LEVELS - 1)
  t.equal(paceLevel(paceAfterArrival(fetcher, 1_001 + FOLLOWS_MS)), 0)
})
