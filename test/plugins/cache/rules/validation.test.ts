import t from 'tap'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import {
  conditionalFields,
  decideConditions,
  isRangeWanted,
  matchesStrongly,
  notModifiedFields,
} from '../../../../plugins/cache/rules/validation.ts'
import { flat, kept, type Line, now, request } from './support.ts'

const fresh: Line = ['Cache-Control', 'max-age=100000']
const date: Line = ['Date', 0]

t.test('what asks the origin', async t => {
  const cases: [Line[], string[]][] = [
    [[['ETag', '"a"']], ['If-None-Match', '"a"']],
    [
      [
        ['ETag', 'W/"a"'],
        ['Last-Modified', 'Wed, 01 Jan 2020 00:00:00 GMT'],
      ],
      [...['If-None-Match', 'W/"a"', 'If-Modified-Since', 'Wed, 01 Jan 2020 00:00:00 GMT']],
    ],
    [[['ETag', 'abcdef']], ['If-None-Match', 'abcdef']],
    [[['Last-Modified', 'yesterday']], []],
    [[], []],
  ]
  for (const [answer, wanted] of cases) t.strictSame(conditionalFields(kept([fresh, ...answer])), wanted)
})

t.test("a client's conditions", async t => {
  const tagged: Line[] = [fresh, date, ['ETag', '"a"'], ['Last-Modified', -5000]]
  const dated: Line[] = [fresh, date, ['Last-Modified', -3000]]
  const cases: [string, Line[], Line[]][] = [
    ['whole', tagged, []],
    ['not-modified', tagged, [['If-None-Match', '"a"']]],
    ['not-modified', tagged, [['If-None-Match', 'W/"a"']]],
    ['not-modified', tagged, [['If-None-Match', '"a", "1234", "5678"']]],
    [
      'not-modified',
      tagged,
      [
        ['If-None-Match', '"1234"'],
        ['If-None-Match', '"a"'],
      ],
    ],
    ['not-modified', tagged, [['If-None-Match', '*']]],
    ['whole', tagged, [['If-None-Match', '"b"']]],
    ['whole', tagged, [['If-None-Match', 'a']]],
    [
      'not-modified',
      tagged,
      [
        ['If-None-Match', '"a"'],
        ['If-Modified-Since', -10000],
      ],
    ],
    [
      'whole',
      tagged,
      [
        ['If-None-Match', '"b"'],
        ['If-Modified-Since', 0],
      ],
    ],
    ['not-modified', [fresh, ['ETag', 'W/"a"']], [['If-None-Match', 'W/"a"']]],
    ['not-modified', [fresh, ['ETag', 'a']], [['If-None-Match', 'a']]],
    ['not-modified', dated, [['If-Modified-Since', -3000]]],
    ['not-modified', dated, [['If-Modified-Since', 0]]],
    ['whole', dated, [['If-Modified-Since', -3001]]],
    ['whole', dated, [['If-Modified-Since', 'nonsense']]],
    [
      'whole',
      dated,
      [
        ['If-Modified-Since', -3000],
        ['If-Modified-Since', -3000],
      ],
    ],
    ['whole', [fresh, date], [['If-Modified-Since', -3000]]],
    ['not-modified', [fresh, date], [['If-Modified-Since', 0]]],
    ['whole', [fresh, date], [['If-None-Match', '"a"']]],
    [
      'forward',
      tagged,
      [
        ['If-Match', '"a"'],
        ['If-None-Match', '"a"'],
      ],
    ],
    ['forward', tagged, [['If-Unmodified-Since', 0]]],
    // Tags of forms that the gateway made: of one that the client would still take, and of one that it would not.
    ...(['br, gzip', 'gzip;q=0, *', null] as const).map((accept): [string, Line[], Line[]] => [
      'not-modified',
      tagged,
      [['If-None-Match', '"a~hg-br"'], ...(accept === null ? [] : [['Accept-Encoding', accept] as Line])],
    ]),
    ...['gzip', 'br;q=0, *', 'identity', ''].map((accept): [string, Line[], Line[]] => [
      'whole',
      tagged,
      [
        ['If-None-Match', '"a~hg-br"'],
        ['Accept-Encoding', accept],
      ],
    ]),
    [
      'not-modified',
      tagged,
      [
        ['If-None-Match', '"b", "a~hg-decoded"'],
        ['Accept-Encoding', 'br'],
      ],
    ],
  ]
  for (const [wanted, answer, lines] of cases) {
    const { answer: decided } = decideConditions(kept(answer), readRequestFacts(flat(lines)), now)
    t.equal(decided, wanted, `${flat(answer)} | ${flat(lines)}`)
  }
  const missing = kept(tagged, { status: 404 })
  t.equal(decideConditions(missing, readRequestFacts(['If-None-Match', '*']), now).reason, 'status')
})

t.test('If-Match compares strongly', async t => {
  t.equal(matchesStrongly('"b", "a"', '"a"'), true)
  t.equal(matchesStrongly('W/"a"', 'W/"a"'), false)
  t.equal(matchesStrongly('*', null), true)
  t.equal(matchesStrongly('"a"', null), false)
})

t.test('If-Range', async t => {
  const lastModified = 'Sun, 22 Nov 2026 11:00:00 GMT'
  const cases: [boolean, string | null, Line[]][] = [
    [true, null, []],
    [true, '"a"', [['ETag', '"a"']]],
    [false, 'W/"a"', [['ETag', 'W/"a"']]],
    [false, '"b"', [['ETag', '"a"']]],
    [false, '"a"', []],
    [true, lastModified, [date, ['Last-Modified', lastModified]]],
    [false, 'Sun, 22 Nov 2026 11:30:00 GMT', [date, ['Last-Modified', lastModified]]],
    [
      false,
      lastModified,
      [
        ['Date', -3600],
        ['Last-Modified', lastModified],
      ],
    ],
    [false, 'a', [['ETag', 'a']]],
  ]
  for (const [wanted, ifRange, answer] of cases) {
    t.equal(isRangeWanted(ifRange, kept([fresh, ...answer])), wanted, `${ifRange} ${flat(answer)}`)
  }
})

t.test('fields of a 304', async t => {
  const answer: Line[] = [
    ...([
      ['Content-Type', 'text/html'],
      ['Content-Length', '36'],
      ['Content-Encoding', 'gzip'],
    ] as Line[]),
    ...([
      ['Content-Security-Policy', 'x'],
      ['Content-Location', '/b'],
      ['Last-Modified', -60],
    ] as Line[]),
    ...([fresh, date, ['Vary', 'Foo'], ['Access-Control-Allow-Origin', '*']] as Line[]),
  ]
  const names = (lines: Line[]) =>
    notModifiedFields(kept(lines, { request: request() })).filter((_, index) => index % 2 === 0)
  const always = ['Content-Security-Policy', 'Content-Location', 'Cache-Control', 'Date', 'Vary']
  t.strictSame(names([...answer, ['ETag', '"a"']]), [...always, 'Access-Control-Allow-Origin', 'ETag'])
  t.ok(names(answer).includes('Last-Modified'), 'without an entity tag the date is the validator')
})
