import fc from 'fast-check'
import t from 'tap'
import {
  equalStrongly,
  equalWeakly,
  parseEntityTag,
  parseTagList,
  tagForClient,
  tagForOrigin,
  tagListForOrigin,
} from '../../../../plugins/cache/rules/entity-tag.ts'

t.test('weak and strong comparison', async t => {
  const cases: [string, string, boolean, boolean][] = [
    ['"1"', '"1"', true, true],
    ['W/"1"', 'W/"1"', true, false],
    ['W/"1"', '"1"', true, false],
    ['W/"1"', 'W/"2"', false, false],
    ['"1"', '"2"', false, false],
    ['""', '""', true, true],
    ['abc', 'abc', true, false],
    ['abc', '"abc"', false, false],
    ['w/"1"', 'w/"1"', true, false],
    ['w/"1"', '"1"', false, false],
    ['W\\"1"', 'W\\"1"', true, false],
    ['"a"b"', '"a"b"', true, false],
  ]
  for (const [a, b, weakly, strongly] of cases) {
    const [one, two] = [parseEntityTag(a)!, parseEntityTag(b)!]
    t.equal(equalWeakly(one, two), weakly, `${a} ${b} weakly`)
    t.equal(equalStrongly(one, two), strongly, `${a} ${b} strongly`)
  }
  t.equal(parseEntityTag(' '), null)
})

t.test('lists', async t => {
  const cases: [string, string[] | '*'][] = [
    ['"a", W/"b","c"', ['"a"', 'W/"b"', '"c"']],
    ['"a,b", "c"', ['"a,b"', '"c"']],
    ['"a\\", "c"', ['"a\\"', '"c"']],
    ['*', '*'],
    ['"a", *', '*'],
    [', ,', []],
    ['abc', ['abc']],
  ]
  for (const [value, wanted] of cases) {
    const tags = parseTagList(value)
    t.strictSame(tags === '*' ? '*' : tags.map(tag => tag.raw), wanted, value)
  }
})

t.test('a coding has a tag of its own, and the origin sees its own again', async t => {
  const cases: [string, string | null, string][] = [
    ['"abc"', 'br', '"abc~hg-br"'],
    ['"abc"', null, '"abc"'],
    ['"abc-gzip"', 'gzip', '"abc-gzip~hg-gzip"'],
    ['"abc-gzip"', null, '"abc-gzip"'],
    ['"abc~hg-br"', null, '"abc~hg-br~hg-id"'],
    ['"abc~hg-br"', 'br', '"abc~hg-br~hg-br"'],
    ['W/"abc"', 'br', 'W/"abc"'],
    ['abc', 'br', 'abc'],
  ]
  for (const [raw, coding, wanted] of cases) t.equal(tagForClient(raw, coding), wanted, `${raw} ${coding}`)
  t.equal(tagListForOrigin('"abc~hg-br", "x", "abc~hg-gzip"'), '"abc", "x"')
  t.equal(tagListForOrigin('W/"a",  "b"'), 'W/"a",  "b"', 'a list without our tags is left as it is')
  t.equal(tagListForOrigin('*'), '*')
})

const opaque = fc
  .array(fc.constantFrom('a', '~', '~hg-', '~hg-br', '~hg-id', '-gzip', 'hg-', ',', '\\', '\u00e4'))
  .map(parts => parts.join(''))

t.test('no two tags and codings of an origin look alike to a client', async () => {
  const coding = fc.constantFrom(null, 'br', 'gzip', 'zstd')
  fc.assert(
    fc.property(opaque, coding, opaque, coding, (a, codingOfA, b, codingOfB) => {
      const one = tagForClient(`"${a}"`, codingOfA)
      const two = tagForClient(`"${b}"`, codingOfB)
      const back = tagForOrigin(parseEntityTag(one)!)
      const isSame = a === b && codingOfA === codingOfB
      return (one === two) === isSame && back.raw === `"${a}"` && back.coding === codingOfA
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      tagForClient(text, 'br')
      tagListForOrigin(text)
    }),
  )
})
