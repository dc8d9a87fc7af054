import fc from 'fast-check'
import t from 'tap'
import { firstValue } from '../../../../plugins/cache/rules/fields.ts'
import {
  combinedSpan,
  completionFields,
  isWhole,
  parseContentRange,
  rangeWithin,
} from '../../../../plugins/cache/rules/partial.ts'
import {
  decideRanges,
  planMultipart,
  singlePartFields,
  unsatisfiedContentRange,
} from '../../../../plugins/cache/rules/ranges.ts'

/** Ranges as text, or the reason why there are none. */
function ranges(range: string | null, length: number): string {
  const decided = decideRanges(range, length)
  return decided.kind === 'ranges' ? decided.ranges.map(({ first, last }) => `${first}-${last}`).join() : decided.reason
}

t.test('what a Range field asks for of ten bytes', async t => {
  const cases: [string | null, string][] = [
    [null, 'no-range'],
    ['bytes=0-1', '0-1'],
    ['Bytes = 0-1', '0-1'],
    ['bytes=6-', '6-9'],
    ['bytes=-1', '9-9'],
    ['bytes=-99', '0-9'],
    ['bytes=5-99', '5-9'],
    ['bytes=0-99999999999999999999999999', '0-9'],
    ['bytes=99999999999999999999999999-', 'range-unsatisfiable'],
    ['bytes=10-', 'range-unsatisfiable'],
    ['bytes=-0', 'range-unsatisfiable'],
    ['bytes=10-, 2-3', '2-3'],
    ['bytes=0-1, 5-6', '0-1,5-6'],
    ['bytes=5-6,0-1', '5-6,0-1'],
    ['bytes=0-4, 2-6', '0-6'],
    ['bytes=0-1,2-3', '0-3'],
    ['bytes=8-9,0-1,1-8', '0-9'],
    ['bytes=,0-1,', '0-1'],
    ['bytes=0-0,2-2,4-4,6-6,8-8', '0-0,2-2,4-4,6-6,8-8'],
    ['bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8', 'too-many-ranges'],
    ['items=0-1', 'range-unit'],
    ['bytes=2-1', 'range-malformed'],
    ['bytes=1', 'range-malformed'],
    ['bytes=-', 'range-malformed'],
    ['bytes=a-b', 'range-malformed'],
    ['bytes=0-1, x', 'range-malformed'],
    ['bytes=0 - 1', 'range-malformed'],
    ['bytes=--1', 'range-malformed'],
    ['bytes=', 'range-malformed'],
    ['0-1', 'range-malformed'],
  ]
  for (const [range, wanted] of cases) t.equal(ranges(range, 10), wanted, `${range}`)
  t.equal(ranges('bytes=0-', 0), 'range-unsatisfiable')
  t.equal(ranges('bytes=-5', 0), 'empty')
  t.equal(unsatisfiedContentRange(10), 'bytes */10')
})

t.test('ranges lie within the bytes, never overlap and hold what was asked for', async () => {
  const spec = fc.tuple(fc.nat(60), fc.nat(20)).map(([first, more]) => ({ first, last: first + more }))
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (specs, length) => {
      const wanted = new Set<number>()
      for (const { first, last } of specs) for (let at = first; at <= Math.min(last, length - 1); at++) wanted.add(at)
      const decided = decideRanges(`bytes=${specs.map(each => `${each.first}-${each.last}`).join()}`, length)
      if (decided.kind !== 'ranges') return decided.kind === 'unsatisfiable' && wanted.size === 0
      const got: number[] = []
      for (const { first, last } of decided.ranges) for (let at = first; at <= last; at++) got.push(at)
      return got.length === wanted.size && got.every(at => wanted.has(at))
    }),
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.nat(), (text, length) => {
      decideRanges(`bytes=${text}`, length)
      parseContentRange(`bytes ${text}`)
      rangeWithin(`bytes=${text}`, { first: 0, last: 4, total: null })
    }),
  )
})

t.test('the fields of one part', async t => {
  const headers = ['A', '1', 'Content-Length', '10', 'Content-Range', 'x', 'ETag', '"a"']
  t.strictSame(singlePartFields(headers, { first: 0, last: 1 }, 10), [
    ...['A', '1', 'ETag', '"a"', 'Content-Range', 'bytes 0-1/10', 'Content-Length', '2'],
  ])
})

t.test('several parts are as long as they say', async t => {
  const body = Buffer.from('0123456789')
  const parts = [
    { first: 5, last: 6 },
    { first: 0, last: 1 },
  ]
  const plan = planMultipart(['A', '1', 'Content-Type', 'text/plain'], parts, {
    total: 10,
    boundary: 'XYZ',
    contentType: 'text/plain',
  })
  const pieces = parts.map(
    (part, i) => `${plan.heads[i]}${body.subarray(part.first, part.last + 1).toString('latin1')}`,
  )
  const content = pieces.join('') + plan.end
  t.equal(
    content,
    '--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n' +
      '--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--XYZ--\r\n',
  )
  t.equal(firstValue(plan.fields, 'content-length'), String(content.length))
  t.equal(firstValue(plan.fields, 'content-type'), 'multipart/byteranges; boundary=XYZ')
  t.equal(firstValue(plan.fields, 'a'), '1')
})

t.test('Content-Range', async t => {
  const cases: [string | null, unknown][] = [
    ['bytes 0-4/10', { first: 0, last: 4, total: 10 }],
    ['BYTES 0-4/*', { first: 0, last: 4, total: null }],
    ['bytes */10', null],
    ['bytes 4-0/10', null],
    ['bytes 0-10/10', null],
    ['bytes 0-4', null],
    ['bytes 0-4/x', null],
    ['bytes=0-4/10', null],
    [null, null],
  ]
  for (const [value, wanted] of cases) t.strictSame(parseContentRange(value), wanted, `${value}`)
})

t.test('what a stored part can answer', async t => {
  const end = { first: 4, last: 9, total: 10 }
  const unknown = { first: 0, last: 4, total: null }
  const cases: [string | null, typeof end | typeof unknown, string | null][] = [
    ['bytes=6-', end, '6-9'],
    ['bytes=-1', end, '9-9'],
    ['bytes=4-99', end, '4-9'],
    ['bytes=3-5', end, null],
    ['bytes=-7', end, null],
    ['bytes=5-6,8-9', end, null],
    [null, end, null],
    ['bytes=1-3', unknown, '1-3'],
    ['bytes=1-', unknown, null],
    ['bytes=-2', unknown, null],
    ['bytes=1-5', unknown, null],
    ['bytes=1-,0-1', unknown, null],
  ]
  for (const [range, span, wanted] of cases) {
    const within = rangeWithin(range, span)
    t.equal(within && `${within.first}-${within.last}`, wanted, `${range} of ${span.first}-${span.last}/${span.total}`)
  }
})

t.test('parts of the same bytes are put together', async t => {
  const stored = { etag: '"a"', isPartial: { first: 0, last: 4, total: 10 } }
  const with_ = (etag: string | null, first: number, last: number, total: number | null = 10) =>
    combinedSpan(stored, { etag, span: { first, last, total } })
  t.strictSame(with_('"a"', 5, 9), { first: 0, last: 9, total: 10 })
  t.strictSame(with_('"a"', 3, 6, null), { first: 0, last: 6, total: 10 })
  t.equal(with_('"a"', 6, 9), null, 'a gap')
  t.equal(with_('"b"', 5, 9), null, 'other bytes')
  t.equal(with_(null, 5, 9), null, 'no validator')
  t.equal(with_('"a"', 5, 9, 11), null, 'another length')
  t.equal(
    combinedSpan({ ...stored, etag: 'W/"a"' }, { etag: 'W/"a"', span: stored.isPartial }),
    null,
    'a weak validator',
  )
  t.equal(isWhole({ first: 0, last: 9, total: 10 }), true)
  t.equal(isWhole({ first: 0, last: 8, total: 10 }), false)
  t.equal(isWhole({ first: 0, last: 9, total: null }), false)
})

t.test('what is missing is asked for on condition that nothing has changed', async t => {
  const ask = (etag: string | null, first: number, last: number, total: number | null) =>
    completionFields({ etag, isPartial: { first, last, total } })
  t.strictSame(ask('"a"', 0, 4, 10), ['Range', 'bytes=5-', 'If-Range', '"a"'])
  t.strictSame(ask('"a"', 5, 9, 10), ['Range', 'bytes=0-4', 'If-Range', '"a"'])
  t.equal(ask('"a"', 2, 4, 10), null)
  t.equal(ask('"a"', 0, 9, 10), null)
  t.equal(ask('"a"', 0, 4, null), null)
  t.equal(ask('W/"a"', 0, 4, 10), null)
  t.equal(ask(null, 0, 4, 10), null)
})
