/** When hedges that are lost end hedging, and when only the delay was an old one. */
import t from 'tap'
import { Hedging } from '../../../plugins/retry/hedging.ts'
import { AUTO_HEDGE } from '../../../plugins/retry/options.ts'

const request = { method: 'GET', headers: [] } as unknown as Parameters<Hedging['delayFor']>[0]
const upstream = { originCount: () => 2, isSaturated: () => false }

/** One in twenty of a thousand answers takes a hundred times as long. */
function learn(hedging: Hedging, ms: number): void {
  for (let i = 0; i < 1_000; i++) hedging.note(i % 20 === 7 ? ms * 100 : ms)
}

function race(hedging: Hedging, races: number, requests: number): void {
  for (let i = 0; i < requests; i++) hedging.delayFor(request)
  for (let i = 0; i < races; i++) hedging.decided(false, performance.now())
}

t.test('few won among few hedges: slow for reasons of their own, and it rests', async t => {
  const hedging = new Hedging(AUTO_HEDGE, upstream)
  learn(hedging, 4)
  t.ok(hedging.delayFor(request) > 0)
  for (let i = 0; i < 20; i++) race(hedging, 1, 12)
  t.equal(hedging.delayFor(request), 0)
  learn(hedging, 20)
  t.equal(hedging.delayFor(request), 0, 'whatever is learned meanwhile')
})

t.test('nearly every request was hedged: the delay was of other times, and is found anew', async t => {
  const hedging = new Hedging(AUTO_HEDGE, upstream)
  learn(hedging, 4)
  const before = hedging.delayFor(request)
  // However many came before, when times were as they had been.
  for (let i = 0; i < 5_000; i++) hedging.delayFor(request)
  for (let i = 0; i < 20; i++) race(hedging, 1, 1)
  t.equal(hedging.delayFor(request), 0, 'nothing is known')
  hedging.noteGivenUp(30)
  learn(hedging, 20)
  const after = hedging.delayFor(request)
  t.ok(after > 20 && after < 2_000, `${before} ms before, ${after} ms after`)
})

t.test('a delay that somebody set is not found anew', async t => {
  const hedging = new Hedging(30, upstream)
  race(hedging, 20, 20)
  t.equal(hedging.delayFor(request), 0)
  t.equal(hedging.delayMs, 30)
})
