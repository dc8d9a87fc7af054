/** Whether and when coded forms are made: tables of cases. */
import t from 'tap'
import type { CachedHead } from '../../../../plugins/cache/passage.ts'
import { codedFields, withVary } from '../../../../plugins/cache/variants/coded-fields.ts'
import {
  decideMayCode,
  decideWorth,
  isIdle,
  isSmaller,
  LONG_FRESH_MS,
  MOST_BODY_BYTES,
} from '../../../../plugins/cache/variants/decide-coded.ts'

const always = { mayEncode: () => ({ encode: true }) as const }
const head = (headers: string[], more: Partial<CachedHead> = {}) =>
  ({ status: 200, headers, isPartial: null, ...more }) as unknown as CachedHead

t.test('an answer may be coded unless its origin, its kind or the codec says no', async t => {
  const cases: [string | null, CachedHead, number][] = [
    [null, head(['Content-Type', 'text/css']), 10],
    [null, head(['Content-Encoding', 'identity']), 10],
    ['coded', head(['content-encoding', 'gzip']), 10],
    ['no-transform', head(['Cache-Control', 'max-age=9', 'cache-control', 'No-Transform']), 10],
    ['empty', head([]), 0],
    ['status', head([], { status: 404 }), 10],
    ['partial', head([], { status: 206, isPartial: { first: 0, last: 1, total: 9 } }), 2],
  ]
  for (const [reason, stored, length] of cases) {
    const decision = decideMayCode(stored, length, always, 'route')
    t.equal(decision.may ? null : decision.reason, reason, reason ?? stored.headers.join())
  }
  const refusing = { mayEncode: () => ({ encode: false, reason: 'media-type' }) as const }
  t.same(decideMayCode(head([]), 10, refusing, 'route'), { may: false, reason: 'media-type' })
})

t.test('the encoder works for what will be asked for again', async t => {
  const day = 86_400_000
  const cases: [string, Parameters<typeof decideWorth>[0]][] = [
    ['fresh-for-long', { bodyLength: 9, uses: 1, freshForMs: LONG_FRESH_MS, keptForMs: day }],
    ['asked-once', { bodyLength: 9, uses: 1, freshForMs: LONG_FRESH_MS - 1, keptForMs: day }],
    ['asked-again', { bodyLength: 9, uses: 2, freshForMs: -5, keptForMs: day }],
    ['expires-soon', { bodyLength: 9, uses: 9, freshForMs: 9_000, keptForMs: 9_000 }],
    ['too-large', { bodyLength: MOST_BODY_BYTES + 1, uses: 9, freshForMs: day, keptForMs: day }],
  ]
  for (const [reason, facts] of cases) t.equal(decideWorth(facts).reason, reason)
})

t.test('a form that saves next to nothing is none', async t => {
  t.ok(isSmaller(979, 1_000))
  t.notOk(isSmaller(980, 1_000))
  t.notOk(isSmaller(1_100, 1_000))
})

t.test('a process is idle when its timers are on time and neither loop nor cores are busy', async t => {
  t.ok(isIdle({ lateMs: 3, loopShare: 0.2, cpuShare: 0.1 }))
  t.notOk(isIdle({ lateMs: 30, loopShare: 0.2, cpuShare: 0.1 }))
  t.notOk(isIdle({ lateMs: 3, loopShare: 0.7, cpuShare: 0.1 }))
  t.notOk(isIdle({ lateMs: 3, loopShare: 0.2, cpuShare: 0.9 }))
})

t.test('the head of a form says what is true of the form', async t => {
  const stored = ['ETag', '"a"', 'Content-Length', '9', 'Repr-Digest', 'x', 'Accept-Ranges', 'bytes', 'X-Own', '1']
  const always = ['X-Own', '1', 'Vary', 'Accept-Encoding', 'Content-Encoding', 'br']
  t.same(codedFields(stored, 'br', '"a"'), [...always, 'ETag', '"a~hg-br"'])
  t.same(codedFields(stored, 'br', 'W/"a"'), [...always, 'ETag', 'W/"a"'])
  t.same(codedFields(stored, 'br', null), always)
})

t.test('Vary is added where it says less', async t => {
  const added = ['Vary', 'Accept-Encoding']
  t.same(withVary([]), added)
  t.same(withVary(['vary', 'Cookie']), ['vary', 'Cookie', ...added])
  for (const value of ['accept-encoding', 'Cookie, ACCEPT-ENCODING', '*'])
    t.same(withVary(['Vary', value]), ['Vary', value])
})
