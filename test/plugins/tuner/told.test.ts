/** What is told of one route, from the knobs and the ledger of all. */
import t from 'tap'
import { type KnobStatus, tellEntry, tellRoute } from '../../../plugins/tuner/index.ts'
import { tellSuggestions } from '../../../plugins/tuner/told.ts'
import type { Entry } from '../../../plugins/tuner/types.ts'

const entry: Entry = {
  seq: 1,
  t: 3000,
  scope: 'upstream',
  target: 'apps',
  knob: 'maxConcurrency',
  from: 16,
  to: 4,
  hypothesis: 'it is crowded',
  evidence: {},
  expected: 'less waiting',
  measured: '',
  verdict: 'kept',
}

const knob = (scope: string, name: string, target = scope): KnobStatus => ({
  ...{ scope, target, name, knob: 'concurrency', value: 4, configured: 16, min: 1, max: 64, unit: 'count' },
  ...{ mode: 'apply', pinned: false, since: null },
})

t.test('of each knob the last decision about it, of the route or of its upstream', async t => {
  const knobs = [
    knob('wiki', 'admission.max_concurrency', 'apps'),
    knob('wiki', 'retry.attempts'),
    knob('wiki', 'retry.hold', 'apps'),
    knob('other', 'retry.attempts'),
  ]
  const log: Entry[] = [
    entry,
    { ...entry, seq: 2, to: 3 },
    { ...entry, seq: 3, target: 'elsewhere' },
    { ...entry, seq: 4, scope: 'route', target: 'wiki', knob: 'attempts' },
    { ...entry, seq: 5, scope: 'route', target: 'apps', knob: 'attempts' },
  ]
  const told = tellRoute({ knobs, log }, 'wiki')
  t.strictSame(
    told.map(({ name, last }) => [name, last?.seq ?? null]),
    [
      ['admission.max_concurrency', 2],
      ['retry.attempts', 4],
      ['retry.hold', null],
    ],
  )
})

t.test('what would change is told with the reason and with what keeps it from being done', async t => {
  const own = { ...knob('wiki', 'admission.max_concurrency', 'apps'), value: 16, suggestion: 4 }
  const told = (knobs: KnobStatus[], isFrozen = false) => tellSuggestions({ knobs, log: [entry] }, isFrozen)
  const { reason, expected, t: at } = told([{ ...own, mode: 'suggest' }])[0] ?? {}
  t.strictSame({ reason, expected, at }, { reason: 'it is crowded', expected: 'less waiting', at: 3000 })
  const heldBy = (mode: KnobStatus['mode'], isFrozen = false) => told([{ ...own, mode }], isFrozen)[0]?.heldBy
  t.equal(heldBy('suggest'), 'suggest')
  t.equal(heldBy('observe'), 'observe')
  t.equal(heldBy('apply', true), 'frozen')
  t.strictSame(told([{ ...own, pinned: true }, knob('wiki', 'retry.attempts')]), [], 'neither pinned nor as it is')
  const unheard = { ...knob('wiki', 'retry.attempts'), suggestion: 2, mode: 'suggest' as const }
  t.match(told([unheard])[0], { from: 4, to: 2, t: null, reason: /starts/ })
})

t.test('a decision is one sentence, with what came of it where that is known', async t => {
  t.equal(tellEntry(entry), '3 s apps maxConcurrency: 16 to 4, because it is crowded; expected: less waiting (kept)')
  t.match(
    tellEntry({ ...entry, t: 1.8e12, measured: '3 % finished' }),
    /^2027-01-15T08:00:00\.000Z .*kept: 3 % finished/,
  )
})
