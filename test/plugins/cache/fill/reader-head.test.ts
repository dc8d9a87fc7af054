import t from 'tap'
import { type FillHead, readerHead } from '../../../../plugins/cache/fill/reader-head.ts'
import { firstValue, lineValues } from '../../../../plugins/cache/rules/fields.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { flat, kept, type Line, now } from '../rules/support.ts'

interface Arriving {
  readonly status?: number
  readonly lines?: readonly Line[]
  readonly bodyLength?: number | null
}

const type: Line = ['Content-Type', 'text/css']

function arriving({ status = 200, lines = [['ETag', '"a"']], bodyLength = 100 }: Arriving = {}): FillHead {
  return { ...kept([['Cache-Control', 'max-age=60'], type, ...lines], { status }), bodyLength }
}

const headFor = (asking: readonly Line[], answer: Arriving = {}) =>
  readerHead(arriving(answer), readRequestFacts(flat(asking)), 'Fine', now)

/** Status and the bytes that follow. */
function short(asking: readonly Line[], answer: Arriving = {}): string {
  const { status, start, end } = headFor(asking, answer)
  return `${status} ${start}-${end}`
}

const range = (value: string): Line => ['Range', value]
const whole = '200 0-Infinity'

t.test('who wants all gets all, with the length where it is known', async t => {
  const { status, fields, message } = headFor([])
  t.equal(short([]), whole)
  t.same([status, message], [200, 'Fine'])
  t.same(lineValues(fields, 'content-length'), ['100'])
  t.equal(firstValue(fields, 'content-type'), 'text/css')
  t.same(lineValues(headFor([], { bodyLength: null }).fields, 'content-length'), [])
  t.same(lineValues(headFor([], { status: 204, bodyLength: 0 }).fields, 'content-length'), [])
  t.equal(short([], { status: 404 }), '404 0-Infinity')
})

t.test('who has it already gets 304 and no byte', async t => {
  const cases: [string, readonly Line[], Arriving][] = [
    ['304 0-0', [['If-None-Match', '"a"']], {}],
    ['304 0-0', [['If-None-Match', 'W/"a"']], {}],
    ['304 0-0', [['If-None-Match', '"a"'], range('bytes=0-1')], {}],
    ['304 0-0', [['If-Modified-Since', 0]], { lines: [['Last-Modified', -60]] }],
    [whole, [['If-None-Match', '"b"']], {}],
    [whole, [['If-Modified-Since', -120]], { lines: [['Last-Modified', -60]] }],
    ['404 0-Infinity', [['If-None-Match', '"a"']], { status: 404 }],
  ]
  for (const [wanted, asking, answer] of cases) t.equal(short(asking, answer), wanted, JSON.stringify(asking))
  const { fields, message } = headFor([['If-None-Match', '"a"']])
  t.equal(firstValue(fields, 'etag'), '"a"')
  t.equal(firstValue(fields, 'content-type'), null)
  t.equal(firstValue(fields, 'content-length'), null)
  t.equal(message, '')
})

t.test('one range is cut out where the length is known', async t => {
  const cases: [string, string, Arriving][] = [
    ['206 10-20', 'bytes=10-19', {}],
    ['206 90-100', 'bytes=-10', {}],
    ['206 90-100', 'bytes=90-', {}],
    ['206 0-30', 'bytes=0-9,5-29', {}],
    ['206 99-100', 'bytes=99-500', {}],
    ['416 0-0', 'bytes=100-', {}],
    ['416 0-0', 'bytes=-0', {}],
    [whole, 'bytes=0-9,20-29', {}],
    [whole, 'bytes=9-1', {}],
    [whole, 'lines=0-1', {}],
    [whole, 'bytes=0-9', { bodyLength: null }],
    ['404 0-Infinity', 'bytes=0-9', { status: 404 }],
    [whole, 'bytes=-1', { bodyLength: 0 }],
    ['416 0-0', 'bytes=0-', { bodyLength: 0 }],
  ]
  for (const [wanted, value, answer] of cases) t.equal(short([range(value)], answer), wanted, value)
  const { fields } = headFor([range('bytes=10-19')])
  t.equal(firstValue(fields, 'content-range'), 'bytes 10-19/100')
  t.same(lineValues(fields, 'content-length'), ['10'])
})

t.test('If-Range decides whether the range is followed', async t => {
  const modified: Arriving = { lines: [['Last-Modified', -60]] }
  const { lastModified } = arriving(modified)
  t.equal(short([range('bytes=0-9'), ['If-Range', '"a"']]), '206 0-10')
  t.equal(short([range('bytes=0-9'), ['If-Range', '"b"']]), whole)
  t.equal(short([range('bytes=0-9'), ['If-Range', 'W/"a"']], { lines: [['ETag', 'W/"a"']] }), whole)
  t.equal(short([range('bytes=0-9'), ['If-Range', String(lastModified)]], modified), '206 0-10')
  t.equal(short([range('bytes=100-'), ['If-Range', '"b"']]), whole)
})

t.test('a 416 says the length of the whole, and nothing about content that it does not have', async t => {
  const digests: readonly Line[] = [
    ['Content-Digest', 'x'],
    ['Content-MD5', 'x'],
    ['Repr-Digest', 'x'],
    ['X-Own', '1'],
  ]
  const { fields } = headFor([range('bytes=100-')], { lines: [['ETag', '"a"'], ...digests] })
  t.equal(firstValue(fields, 'content-range'), 'bytes */100')
  t.same(lineValues(fields, 'content-length'), ['0'])
  t.equal(firstValue(fields, 'x-own'), '1')
  const gone = ['etag', 'content-type', 'cache-control', 'content-digest', 'content-md5', 'repr-digest']
  for (const name of gone) t.equal(firstValue(fields, name), null, name)
})
