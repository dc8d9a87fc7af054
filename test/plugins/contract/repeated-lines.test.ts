import fc from 'fast-check'
import t from 'tap'
import { LearnedLines, RepeatedLines } from '../../../plugins/contract/repeated-lines.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const isRefused = (name: string) => name.toLowerCase() === 'content-length'

/** Line by line; null where one may not be written. */
function plainLines(fields: readonly string[]): string | null {
  let text = ''
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value] = fields.slice(i, i + 2)
    if (value === undefined || !TOKEN.test(name) || isRefused(name) || !VALUE.test(value)) return null
    text += `${name}: ${value}\r\n`
  }
  return text
}

t.test('lines that come again are known, with other values where some differed before', t => {
  const learned = new LearnedLines(isRefused)
  const request = (id: string, accept = '*/*') => ['Host', 'a', 'Accept', accept, 'Cookie', 'c=1', 'X-Request-Id', id]
  const texts = ['1', '1', '2', '3', '4'].map(id => learned.textOf(request(id)))
  t.strictSame(texts, [null, plainLines(request('1')), null, plainLines(request('3')), plainLines(request('4'))])
  t.equal(learned.textOf(request('5', 'text/css')), null, 'another place')
  t.equal(learned.textOf(request('6', 'image/png')), plainLines(request('6', 'image/png')))
  t.equal(learned.textOf(request('7')), plainLines(request('7')))
  t.equal(learned.textOf(request('8\r\nX: y')), null, 'a value that is none')
  t.equal(learned.textOf(request('9').with(4, 'Cookie2')), null, 'another name')
  t.end()
})

t.test('what may not be written is never known', t => {
  const cases = [['Content-Length', '1'], ['A b', '1'], ['', '1'], ['A', 'b\n'], ['A', '\u0100'], ['A', '\x7f'], ['A']]
  for (const fields of cases) {
    const learned = new LearnedLines(isRefused)
    for (let times = 0; times < 3; times++) t.equal(learned.textOf(fields), null, JSON.stringify(fields))
    t.equal(new RepeatedLines(fields, [1], isRefused).textOf(fields), null)
  }
  t.end()
})

t.test('the array that lines were made of is not theirs', t => {
  const fields = ['A', '1', 'B', '2']
  const lines = new RepeatedLines(fields, [3], isRefused)
  fields[1] = 'changed'
  t.equal(lines.textOf(fields), null)
  t.equal(lines.textOf(['A', '1', 'B', '3']), 'A: 1\r\nB: 3\r\n')
  t.end()
})

t.test('in any order they are what they are line by line, or not known', t => {
  const name = fc.constantFrom('A', 'B', 'b', 'Content-Length', 'C d', '')
  const value = fc.constantFrom('1', '2', '33', '', 'x\r', '\xe9', '\u0100')
  const fields = fc.array(fc.tuple(name, value), { maxLength: 5 }).map(pairs => pairs.flat())
  const cut = fc.tuple(fields, fc.boolean()).map(([all, isCut]) => (isCut ? all.slice(0, -1) : all))
  let known = 0
  fc.assert(
    fc.property(fc.array(cut, { minLength: 2, maxLength: 12 }), heads => {
      const learned = new LearnedLines(isRefused)
      for (const head of [...heads, ...heads, ...heads]) {
        const text = learned.textOf(head)
        if (text === null) continue
        known++
        if (text !== plainLines(head)) throw new Error(`${JSON.stringify(head)} became ${JSON.stringify(text)}`)
      }
    }),
    { numRuns: 300, seed: 30_112_026 },
  )
  t.ok(known > 300, `${known}`)
  t.end()
})
