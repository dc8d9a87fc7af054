import t from 'tap'
import { conditionalRequest, isSelective, wholeFacts, wholeRequest } from '../../../../plugins/cache/fill/outgoing.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { flat, kept, type Line } from '../rules/support.ts'

const conditions: readonly Line[] = [
  ['If-Match', '"x"'],
  ['if-none-match', '"x"'],
  ['If-None-Match', '"y"'],
  ['If-Modified-Since', -60],
  ['If-Unmodified-Since', 'Mon, 02 Nov 2026 10:00:00 GMT'],
  ['If-Range', '"x"'],
  ['RANGE', 'bytes=0-1'],
]
const others: readonly Line[] = [
  ['Host', 'app.test'],
  ['Accept', '*/*'],
  ['Cookie', 'a=1'],
  ['Cache-Control', 'no-cache'],
]

const asked = (lines: readonly Line[], method = 'GET') => ({
  ...{ method, path: '/x', headers: flat(lines), body: null, bodyLength: null },
})

t.test('the whole is asked for by GET, without conditions and range, and all else as it was', async t => {
  const given = asked([...others.slice(0, 2), ...conditions, ...others.slice(2)], 'HEAD')
  const before = structuredClone(given)
  t.same(wholeRequest(given), asked(others))
  t.same(given, before, 'the client’s own request is not changed')
})

t.test('a revalidation carries the validators of what is stored and no others', async t => {
  const modified = flat([['Last-Modified', -60]])[1]
  const fresh: Line = ['Cache-Control', 'max-age=60']
  const cases: [readonly Line[], readonly string[]][] = [
    [[['ETag', '"a"']], ['If-None-Match', '"a"']],
    [[['ETag', 'W/"a"']], ['If-None-Match', 'W/"a"']],
    [[['Last-Modified', -60]], ['If-Modified-Since', String(modified)]],
    [
      [
        ['ETag', '"a"'],
        ['Last-Modified', -60],
      ],
      ['If-None-Match', '"a"', 'If-Modified-Since', String(modified)],
    ],
    [[], []],
  ]
  for (const [lines, wanted] of cases) {
    const given = asked([...others, ...conditions])
    const sent = conditionalRequest(given, kept([fresh, ...lines]))
    t.same(sent, { ...asked(others), headers: [...flat(others), ...wanted] }, JSON.stringify(lines))
  }
})

t.test('a request wants something else than the whole by a range or a condition', async t => {
  const is = (...lines: Line[]) => isSelective(readRequestFacts(flat(lines)))
  t.equal(is(...others), false)
  t.equal(is(['Range', 'bytes=0-1']), true)
  t.equal(is(['If-None-Match', '*']), true)
  t.equal(is(['If-Modified-Since', 0]), true)
  t.equal(is(['If-Range', '"a"']), false, 'without a range it means nothing')
})

t.test('the facts of the whole request are those of what is sent', async t => {
  const facts = readRequestFacts(flat([...others, ...conditions.slice(1, 4), ...conditions.slice(5)]))
  const sent = readRequestFacts(wholeRequest(asked([...others, ...conditions])).headers)
  t.same(wholeFacts(facts), sent)
  t.equal(facts.range, 'bytes=0-1', 'the client’s own are not changed')
})
