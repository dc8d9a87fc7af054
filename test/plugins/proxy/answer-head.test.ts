import fc from 'fast-check'
import t from 'tap'
import { answerHead, answerTrailers, asHeaderObject } from '../../../plugins/proxy/answer-head.ts'
import { hopByHop } from '../../../plugins/proxy/fields.ts'
import { flat, type Line, nominating, noRules, pairs, spelled, value, valuesOf } from './support.ts'

const facts = { requestId: 'id-1', status: 200, rules: noRules }

t.test('the head of a plain answer', async t => {
  const raw = flat([
    ['Date', 'now'],
    ['CONTENT-length', '12'],
    ['Set-Cookie', 'a=1'],
    ['Connection', 'close, X-Gone'],
    ['X-Gone', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Set-Cookie', 'b=2'],
    ['Via', '1.1 inner'],
    ['X-Request-Id', 'theirs'],
    ['Server', 'app'],
  ])
  const { fields, contentLength } = answerHead(raw, facts)
  t.equal(contentLength, 12)
  t.strictSame(pairs(fields), [
    ['Date', 'now'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Server', 'app'],
    ['Via', '1.1 inner, 1.1 hearthgate'],
    ['X-Request-Id', 'id-1'],
  ])
})

t.test('framing is told apart from fields', async t => {
  const cases: [string, Line[], number | null][] = [
    ['none', [], null],
    ['chunked', [['Transfer-Encoding', 'chunked']], null],
    ['zero', [['Content-Length', '0']], 0],
    ['a large file', [['content-length', '5000000000']], 5_000_000_000],
    [
      'nominated all the same',
      [
        ['Connection', 'content-length'],
        ['Content-Length', '3'],
      ],
      3,
    ],
    ['the same twice', [['Content-Length', '5, 5']], 5],
    ['two', [['Content-Length', '5, 6']], null],
    [
      'two lines',
      [
        ['Content-Length', '5'],
        ['Content-Length', '6'],
      ],
      null,
    ],
    ...['', 'x', '5x', '+5', '-5', '0x5', '5.0', '99999999999999999999'].map(
      (length): [string, Line[], number | null] => [`no length: ${length}`, [['Content-Length', length]], null],
    ),
  ]
  for (const [name, lines, wanted] of cases) {
    const head = answerHead(flat(lines), facts)
    t.equal(head.contentLength, wanted, name)
    t.strictSame(valuesOf(head.fields, 'content-length'), [], name)
    t.strictSame(valuesOf(head.fields, 'transfer-encoding'), [], name)
  }
})

t.test("a route's rules come last", async t => {
  const rules = { set: { 'Strict-Transport-Security': 'max-age=1' }, remove: ['server', 'via'] }
  t.strictSame(
    answerHead(['Server', 'app', 'strict-transport-security', 'x'], { requestId: 'id-1', status: 200, rules }).fields,
    [...['X-Request-Id', 'id-1'], ...['Strict-Transport-Security', 'max-age=1']],
  )
})

const plainNames = ['Content-Type', 'Set-Cookie', 'Vary', 'ETag', 'Link', 'X-App_One', 'Upgrade-Insecure-Requests']
const lines = fc.array(
  fc.oneof(
    fc.tuple(fc.constantFrom(...plainNames), value),
    fc.tuple(spelled([...hopByHop]), value),
    fc.tuple(spelled(['via', 'x-request-id']), value),
    nominating(['via', 'x-request-id', 'vary', 'set-cookie', 'content-length']),
  ),
  { maxLength: 14 },
)

t.test('no field of the connection and none that is nominated passes; ours are there once', async () => {
  fc.assert(
    fc.property(lines, given => {
      const { fields } = answerHead(flat(given), facts)
      const names = pairs(fields).map(([name]) => name.toLowerCase())
      const nominated = given.flatMap(([name, text]) =>
        name.toLowerCase() === 'connection' ? text.split(',').map(token => token.trim().toLowerCase()) : [],
      )
      const own = ['via', 'x-request-id']
      if (names.some(name => hopByHop.has(name) || (nominated.includes(name) && !own.includes(name)))) return false
      return (
        own.every(name => names.filter(other => other === name).length === 1) &&
        valuesOf(fields, 'x-request-id')[0] === 'id-1'
      )
    }),
    { numRuns: 500 },
  )
})

t.test('all other fields keep their order, spelling and repetition', async () => {
  fc.assert(
    fc.property(lines, given => {
      fc.pre(!given.some(([name]) => name.toLowerCase() === 'connection'))
      const plain = (head: readonly Line[]) => head.filter(([name]) => plainNames.includes(name))
      return JSON.stringify(plain(pairs(answerHead(flat(given), facts).fields))) === JSON.stringify(plain(given))
    }),
  )
})

t.test('trailers pass unless a receiver that merges them would act on them', async t => {
  t.strictSame(answerTrailers(null), [])
  t.strictSame(answerTrailers([]), [])
  const given = [
    'grpc-status',
    '0',
    'Set-Cookie',
    'a=1',
    'X-Sum',
    'x',
    'CONTENT-LENGTH',
    '3',
    'Transfer-Encoding',
    'chunked',
  ]
  t.strictSame(answerTrailers([...given, 'X-Sum', 'y', 'Connection', 'x', 'Location', '/', 'Content-Type', 'a/b']), [
    ['grpc-status', '0'],
    ['X-Sum', 'x'],
    ['X-Sum', 'y'],
  ])
})

t.test('as an object names are lower case, repeated ones become arrays, and no name is special', async t => {
  const object = asHeaderObject(['A', '1', 'Set-Cookie', 'x', 'set-cookie', 'y', 'SET-COOKIE', 'z', '__proto__', 'p'])
  t.strictSame(Object.entries(object), [
    ['a', '1'],
    ['set-cookie', ['x', 'y', 'z']],
    ['__proto__', 'p'],
  ])
  t.equal(({} as Record<string, unknown>)['p'], undefined)
})

t.test('what a route adds sees the head as the client gets it, but never that of a 304', async t => {
  const rules = {
    set: { 'X-Set': '1' },
    remove: ['X-Gone'],
    amend: (fields: string[]) => void fields.push('X-Seen', fields.filter((_text, i) => i % 2 === 0).join(' ')),
  }
  const headOf = (status: number) =>
    pairs(answerHead(['Server', 'app', 'X-Gone', '1'], { ...facts, status, rules }).fields)
  t.strictSame(headOf(200).at(-1), ['X-Seen', 'Server Via X-Request-Id X-Set'])
  t.strictSame(headOf(404).at(-1), ['X-Seen', 'Server Via X-Request-Id X-Set'])
  t.strictSame(headOf(304).at(-1), ['X-Set', '1'])
})
