import t from 'tap'
import { type AnswerPlan, bytesOf, planAnswer } from '../../../../plugins/cache/answer/answer-plan.ts'
import type { CachedHead } from '../../../../plugins/cache/passage.ts'
import { firstValue, lineValues } from '../../../../plugins/cache/rules/fields.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { type Case, flat, kept, type Line, now, request } from '../rules/support.ts'

const fresh: Line = ['Cache-Control', 'max-age=3600']
const etag: Line = ['ETag', '"a"']
const type: Line = ['Content-Type', 'text/css']
const LENGTH = 100

interface Stored extends Case {
  readonly ownTag?: string
  readonly lines?: readonly Line[]
}

function headOf({ ownTag = '', lines = [etag], ...given }: Stored): CachedHead {
  return { ...kept([fresh, type, ...lines], given), ownTag: ownTag === '' ? null : ownTag }
}

function plan(asking: readonly Line[], stored: Stored = {}, method = 'GET'): AnswerPlan | null {
  return planAnswer(headOf(stored), LENGTH, { method, facts: readRequestFacts(flat(asking)), choice: null }, now)
}

/** Status and kind, or `null`. */
const short = (planned: AnswerPlan | null) => (planned === null ? 'null' : `${planned.status} ${planned.kind}`)

t.test('the whole has its length, and a body for GET alone', async t => {
  const whole = plan([])
  t.equal(short(whole), '200 whole')
  t.same(whole?.pieces, ['body'])
  t.equal(firstValue(whole!.fields, 'content-length'), '100')
  t.equal(bytesOf(whole!, LENGTH), 100)
  const head = plan([], {}, 'HEAD')
  t.equal(short(head), '200 whole')
  t.same(head?.pieces, [])
  t.equal(firstValue(head!.fields, 'content-length'), '100')
  t.equal(bytesOf(head!, LENGTH), 0)
})

t.test('an answer that cannot have a body has no length', async t => {
  const planned = planAnswer(
    headOf({ status: 204 }),
    0,
    { method: 'GET', facts: readRequestFacts([]), choice: null },
    now,
  )
  t.equal(planned?.status, 204)
  t.same(planned?.pieces, [])
  t.equal(firstValue(planned!.fields, 'content-length'), null)
})

t.test('conditions', async t => {
  const cases: [string, readonly Line[], Stored][] = [
    ['304 not-modified', [['If-None-Match', '"a"']], {}],
    ['304 not-modified', [['If-None-Match', 'W/"a"']], {}],
    ['200 whole', [['If-None-Match', '"b"']], {}],
    ['304 not-modified', [['If-Modified-Since', 0]], { lines: [['Last-Modified', -60]] }],
    ['200 whole', [['If-Modified-Since', -120]], { lines: [['Last-Modified', -60]] }],
    ['304 not-modified', [['If-None-Match', 'W/"own"']], { lines: [], ownTag: 'W/"own"' }],
    ['200 whole', [['If-None-Match', 'W/"own"']], { ownTag: 'W/"own"' }],
    ['404 whole', [['If-None-Match', '"a"']], { status: 404 }],
    ['null', [['If-Match', '"a"']], {}],
    ['null', [['If-Unmodified-Since', 0]], {}],
  ]
  for (const [wanted, asking, stored] of cases) t.equal(short(plan(asking, stored)), wanted, JSON.stringify(asking))
})

t.test('a 304 says what a cache updates from, and nothing of the content', async t => {
  const { fields, pieces } = plan([['If-None-Match', '"a"']], { lines: [etag, ['Vary', 'X'], ['Last-Modified', -60]] })!
  t.same(pieces, [])
  for (const name of ['etag', 'vary', 'cache-control', 'date']) t.not(firstValue(fields, name), null, name)
  for (const name of ['content-type', 'content-length', 'last-modified']) t.equal(firstValue(fields, name), null, name)
})

t.test('the gateway’s own tag stands where the origin sent none, and once', async t => {
  const own = { ownTag: 'W/"own"' }
  const tags = (planned: AnswerPlan | null) => lineValues(planned!.fields, 'etag')
  t.same(tags(plan([], { lines: [], ...own })), ['W/"own"'])
  t.same(tags(plan([], { lines: [['ETag', '']], ...own })), ['W/"own"'])
  t.same(tags(plan([['If-None-Match', 'W/"own"']], { lines: [], ...own })), ['W/"own"'])
  t.same(tags(plan([['If-None-Match', 'W/"own"']], { lines: [['ETag', '']], ...own })), ['W/"own"'])
  t.same(tags(plan([['Range', 'bytes=0-1']], { lines: [], ...own })), ['W/"own"'])
  t.same(tags(plan([], own)), ['"a"'])
})

t.test('ranges', async t => {
  const own: Stored = { lines: [], ownTag: 'W/"own"' }
  const cases: [string, readonly Line[], Stored, string][] = [
    ['206 range', [['Range', 'bytes=0-9']], {}, 'GET'],
    ['206 ranges', [['Range', 'bytes=0-9,20-29']], {}, 'GET'],
    ['206 range', [['Range', 'bytes=0-9,10-19']], {}, 'GET'],
    ['416 unsatisfiable', [['Range', 'bytes=100-']], {}, 'GET'],
    ['200 whole', [['Range', 'lines=0-9']], {}, 'GET'],
    ['200 whole', [['Range', 'bytes=0-9']], {}, 'HEAD'],
    ['404 whole', [['Range', 'bytes=0-9']], { status: 404 }, 'GET'],
    [
      '206 range',
      [
        ['Range', 'bytes=0-9'],
        ['If-Range', '"a"'],
      ],
      {},
      'GET',
    ],
    [
      '200 whole',
      [
        ['Range', 'bytes=0-9'],
        ['If-Range', '"b"'],
      ],
      {},
      'GET',
    ],
    [
      '200 whole',
      [
        ['Range', 'bytes=0-9'],
        ['If-Range', 'W/"own"'],
      ],
      own,
      'GET',
    ],
    [
      '304 not-modified',
      [
        ['Range', 'bytes=0-9'],
        ['If-None-Match', '"a"'],
      ],
      {},
      'GET',
    ],
  ]
  for (const [wanted, asking, stored, method] of cases) {
    t.equal(short(plan(asking, stored, method)), wanted, `${method} ${JSON.stringify(asking)}`)
  }
})

t.test('the pieces of several ranges are as long as the length says', async t => {
  const planned = plan([['Range', 'bytes=0-9,20-29,-1']])!
  t.equal(bytesOf(planned, LENGTH), 21)
  const texts = planned.pieces.map(piece => (typeof piece === 'object' && 'text' in piece ? piece.text.length : 0))
  const length = texts.reduce((sum, each) => sum + each, 21)
  t.equal(firstValue(planned.fields, 'content-length'), String(length))
  t.same(
    planned.pieces.filter(piece => typeof piece === 'object' && 'start' in piece),
    [
      { start: 0, end: 9 },
      { start: 20, end: 29 },
      { start: 99, end: 99 },
    ],
  )
})

t.test('a 416 has neither content nor anything about it', async t => {
  const { fields, pieces } = plan([['Range', 'bytes=100-']], {
    lines: [etag, ['Content-Digest', 'x'], ['X-Own', '1']],
  })!
  t.same(pieces, [])
  t.equal(firstValue(fields, 'content-range'), 'bytes */100')
  t.equal(firstValue(fields, 'content-length'), '0')
  t.equal(firstValue(fields, 'x-own'), '1')
  for (const name of ['content-type', 'etag', 'cache-control', 'content-digest'])
    t.equal(firstValue(fields, name), null)
})

t.test('a part answers what lies within it, counted from its own first byte', async t => {
  const part = (total: string): Stored => ({
    status: 206,
    request: request([['Range', 'bytes=40-49']]),
    lines: [etag, ['Content-Range', `bytes 40-49/${total}`]],
  })
  const planned = planAnswer(headOf(part('100')), 10, asked([['Range', 'bytes=42-44']]), now)!
  t.equal(short(planned), '206 range')
  t.same(planned.pieces, [{ start: 2, end: 4 }])
  t.equal(firstValue(planned.fields, 'content-range'), 'bytes 42-44/100')
  t.equal(firstValue(planned.fields, 'content-length'), '3')
  const refused: readonly (readonly Line[])[] = [
    [],
    [['Range', 'bytes=39-41']],
    [['Range', 'bytes=45-']],
    [['Range', 'bytes=41-41,43-43']],
    [
      ['Range', 'bytes=42-44'],
      ['If-Range', '"b"'],
    ],
  ]
  for (const asking of refused) t.equal(planAnswer(headOf(part('100')), 10, asked(asking), now), null)
  t.equal(planAnswer(headOf(part('100')), 10, asked([['Range', 'bytes=42-44']], 'HEAD'), now), null)
  t.equal(planAnswer(headOf(part('*')), 10, asked([['Range', 'bytes=42-44']]), now), null, 'of how many nobody knows')
  const same = planAnswer(
    headOf(part('100')),
    10,
    asked([
      ['Range', 'bytes=0-1'],
      ['If-None-Match', '"a"'],
    ]),
    now,
  )
  t.equal(short(same), '304 not-modified')
})

const asked = (lines: readonly Line[], method = 'GET') => ({
  method,
  facts: readRequestFacts(flat(lines)),
  choice: null,
})
