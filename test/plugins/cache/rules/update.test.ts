import t from 'tap'
import { firstValue } from '../../../../plugins/cache/rules/fields.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import type { StoredHead } from '../../../../plugins/cache/rules/types.ts'
import { decideHeadUpdate, selectForUpdate, updateStoredHead } from '../../../../plugins/cache/rules/update.ts'
import { flat, kept, type Line, now, request, settingsOf } from './support.ts'

const short: Line = ['Cache-Control', 'max-age=2']
const date: Line = ['Date', 0]
const etag: Line = ['ETag', '"a"']

/** The stored answer after a 304 that came five seconds after it. */
function update(stored: StoredHead, lines: Line[], asked: Line[] = []) {
  const head = request(asked)
  const times = { requestTimeMs: now + 5000, responseTimeMs: now + 5000 }
  const answer = { status: 304, headers: flat(lines) }
  return updateStoredHead(
    stored,
    { request: head, requestFacts: readRequestFacts(head.headers), answer, times },
    settingsOf(),
  )
}

t.test('which stored answer a 304 is about', async t => {
  const tagged = (tag: string, age = 0) => kept([short, ['Date', age], ['ETag', tag]])
  const dated = kept([short, date, ['Last-Modified', -100]])
  const [a, b, weak] = [tagged('"a"'), tagged('"b"'), tagged('W/"w"')]
  const cases: [StoredHead | null, string, StoredHead[], Line[]][] = [
    [a, 'strong-validator', [a, b], [['ETag', '"a"']]],
    [b, 'weak-validator', [a, b], [['ETag', 'W/"b"']]],
    [weak, 'weak-validator', [a, weak], [['ETag', 'W/"w"']]],
    [null, 'validator-mismatch', [a, b], [['ETag', '"c"']]],
    [a, 'sole', [a], []],
    [null, 'ambiguous', [a, b], []],
    [dated, 'weak-validator', [a, dated], [['Last-Modified', -100]]],
    [null, 'validator-mismatch', [dated], [['Last-Modified', -99]]],
    [
      dated,
      'weak-validator',
      [dated],
      [
        ['Last-Modified', -100],
        ['ETag', '"new"'],
      ],
    ],
  ]
  for (const [stored, reason, candidates, lines] of cases) {
    const decided = selectForUpdate(candidates, { status: 304, headers: flat(lines) }, now)
    t.equal(decided.stored, stored, flat(lines).join(' '))
    t.equal(decided.reason, reason, flat(lines).join(' '))
  }
  const newer = tagged('"a"', -5)
  const older = tagged('"a"', -9)
  t.equal(selectForUpdate([older, newer], { status: 304, headers: ['ETag', '"a"'] }, now).stored, newer)
})

t.test('fields of a 304 replace the stored ones, but for what belongs to the body', async t => {
  const stored = kept([
    ...[short, date, etag],
    ...([
      ['Test-Header', 'a'],
      ['X-Two', '1'],
      ['X-Two', '2'],
      ['Content-Length', '36'],
    ] as Line[]),
    ...([
      ['Content-Encoding', 'gzip'],
      ['Content-Type', 'text/plain'],
      ['X-Frame-Options', 'deny'],
    ] as Line[]),
  ])
  const {
    stored: head,
    keep,
    clientFields,
  } = update(stored, [
    ...([['Date', 5], ['Cache-Control', 'max-age=3600'], etag, ['x-two', '3'], ['X-New', 'n']] as Line[]),
    ...([
      ['Content-Length', '10'],
      ['Content-Encoding', 'br'],
      ['Content-Type', 'text/html'],
    ] as Line[]),
    ...([
      ['Connection', 'x'],
      ['Age', '4'],
      ['Set-Cookie', 's=1'],
      ['X-Frame-Options', 'sameorigin'],
    ] as Line[]),
  ])
  const wanted: Record<string, string | null> = {
    'test-header': 'a',
    'x-two': '3',
    'x-new': 'n',
    'x-frame-options': 'sameorigin',
    'content-length': '36',
    'content-encoding': 'gzip',
    'content-type': 'text/plain',
    'cache-control': 'max-age=3600',
    connection: null,
    age: null,
    'set-cookie': null,
    date: 'Sun, 22 Nov 2026 12:00:05 GMT',
  }
  for (const [name, value] of Object.entries(wanted)) t.equal(firstValue(head.headers, name), value, name)
  t.equal(head.headers.filter(each => each === '2').length, 0, 'all lines of a replaced field go')
  t.strictSame(head.freshness, { lifetimeMs: 3600_000, initialAgeMs: 4000, source: 'max-age' })
  t.equal(head.responseTimeMs, now + 5000)
  t.equal(head.bodyLength, 36)
  t.equal(keep, true)
  t.strictSame(clientFields, ['Set-Cookie', 's=1'], 'the cookie is for the client that asked')
})

t.test('an answer is as fresh as the 304 that confirmed it', async t => {
  const { stored } = update(kept([short, date, etag]), [])
  t.strictSame(stored.freshness, { lifetimeMs: 2000, initialAgeMs: 0, source: 'max-age' })
  t.equal(firstValue(stored.headers, 'date'), 'Sun, 22 Nov 2026 12:00:05 GMT')
  t.equal(firstValue(stored.headers, 'etag'), '"a"')
})

t.test('a 304 can take back what was allowed', async t => {
  const cases: [boolean, string, Line[], Line[]][] = [
    [false, 'no-store', [['Cache-Control', 'no-store']], []],
    [false, 'private', [['Cache-Control', 'private, max-age=60']], []],
    [false, 'cache-control-malformed', [['Cache-Control', 'max-age=60; private']], []],
    [false, 'vary-star', [['Vary', '*']], []],
    [true, 'updated', [['Cache-Control', 'no-cache']], []],
    [true, 'updated', [['Cache-Control', 'no-cache']], [['Cookie', 'a=b']]],
    [true, 'updated', [], [['Cache-Control', 'no-store']]],
  ]
  for (const [keep, reason, lines, asked] of cases) {
    const decided = update(kept([short, date, etag]), lines, asked)
    t.equal(decided.keep, keep, flat(lines).join(' '))
    t.equal(decided.reason, reason, flat(lines).join(' '))
  }
  const targeted = kept([['CDN-Cache-Control', 'max-age=60'], date, etag])
  t.equal(update(targeted, [['Cache-Control', 'private']]).reason, 'private', 'also beside a stored targeted field')
  const { stored } = update(kept([short, date, etag]), [['Vary', 'Foo']], [['Foo', '1']])
  t.strictSame(stored.varyValues, { foo: '1' }, 'selecting fields are read from the request that was confirmed')
})

t.test('a stored part stays one', async t => {
  const part = kept([['Cache-Control', 'max-age=2'], etag, ['Content-Range', 'bytes 0-4/10']], {
    request: request([['Range', 'bytes=0-4']]),
    status: 206,
  })
  const decided = update(part, [])
  t.equal(decided.keep, true)
  t.strictSame(decided.stored.isPartial, { first: 0, last: 4, total: 10 })
  t.equal(decided.stored.status, 206)
})

t.test('what a HEAD says about the stored GET', async t => {
  const stored = kept([short, date, etag, ['Last-Modified', -60]])
  const cases: [string, number, Line[]][] = [
    ['validators-match', 200, []],
    ['validators-match', 200, [['Content-Length', '36'], etag, ['Last-Modified', -60]]],
    ['validators-match', 200, [['ETag', 'W/"a"']]],
    ['length-differs', 200, [['Content-Length', '37']]],
    ['length-differs', 200, [['Content-Length', 'x']]],
    ['etag-differs', 200, [['ETag', '"b"']]],
    ['last-modified-differs', 200, [['Last-Modified', -59]]],
    ['last-modified-differs', 200, [['Last-Modified', 'yesterday']]],
    ['status', 404, []],
  ]
  for (const [wanted, status, lines] of cases) {
    t.equal(decideHeadUpdate(stored, { status, headers: flat(lines) }, now).reason, wanted, flat(lines).join(' '))
  }
})
