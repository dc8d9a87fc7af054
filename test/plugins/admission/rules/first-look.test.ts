import t from 'tap'
import { type Crowd, decideFirstLook } from '../../../../plugins/admission/rules/first-look.ts'

/** A crowd that fills 16 places of an app that works on `workers` at once, each for `aloneMs`; seen after `elapsedMs`. */
function crowdOf(workers: number, aloneMs: number, elapsedMs: number): Crowd {
  const answers = Math.min(16, workers) * Math.floor(elapsedMs / aloneMs)
  const ratios = Array.from({ length: answers }, (_, i) => Math.max(1, Math.min(16, i + 1) / workers))
  return { limit: 16, elapsedMs, answers, ratios, unloadedMs: answers * aloneMs }
}

/** When the first look shrinks the limit, in turns of the app, and to how many; null = never in 50 turns. */
function found(workers: number, aloneMs: number): { turns: number; to: number } | null {
  for (let turns = 1; turns <= 50; turns++) {
    const look = decideFirstLook(crowdOf(workers, aloneMs, turns * aloneMs))
    if (look.shrink) return { turns, to: look.to }
  }
  return null
}

const apps = [
  { workers: 1, turns: 12, to: 4 },
  { workers: 2, turns: 6, to: 4 },
  { workers: 4, turns: 4, to: 6 },
]

for (const { workers, turns, to } of apps) {
  t.test(`an app of ${workers} workers is found after ${turns} turns, however long one of them is`, async t => {
    t.same(found(workers, 50), { turns, to })
    t.same(found(workers, 900), { turns, to })
  })
}

for (const workers of [8, 12, 16, 100]) {
  t.test(`an app of ${workers} workers keeps the 16 that it is given`, async t => {
    t.equal(found(workers, 50), null)
  })
}

const crowd = crowdOf(4, 50, 400)
const rows: readonly { name: string; seen: Partial<Crowd>; reason: string }[] = [
  { name: 'nothing yet', seen: { answers: 0, ratios: [], unloadedMs: 0 }, reason: 'too-few-answers' },
  { name: 'answers of kinds that were never seen alone', seen: { ratios: [] }, reason: 'too-few-answers' },
  { name: 'no time has passed', seen: { elapsedMs: 0 }, reason: 'too-few-answers' },
  { name: 'few come, but each as fast as alone', seen: { ratios: crowd.ratios.map(() => 1) }, reason: 'not-slower' },
  { name: 'each is slower, but as many come as are let in', seen: { answers: 128 }, reason: 'works-on-them' },
  { name: 'about a third of the limit is worked on', seen: { answers: 46 }, reason: 'undecided' },
]

for (const { name, seen, reason } of rows) {
  t.test(`${name}: ${reason}`, async t => t.match(decideFirstLook({ ...crowd, ...seen }), { shrink: false, reason }))
}

t.test('a smaller limit is not cut to what it is already', async t => {
  t.match(decideFirstLook({ ...crowd, limit: 2 }), { shrink: false })
})
