import t from 'tap'
import { consistsOf, isToken, parseDecimal, valueCharacters } from '../../../../plugins/upstream/h1/characters.ts'
import { parseFieldLines, parseHead } from '../../../../plugins/upstream/h1/head-parser.ts'
import { SectionBuffer } from '../../../../plugins/upstream/h1/section-buffer.ts'

t.test('a status line is HTTP/1.0 or 1.1, a space, three digits and perhaps a reason', async t => {
  const good: [string, number, number, string][] = [
    ['HTTP/1.1 200 OK', 200, 1, 'OK'],
    ['HTTP/1.0 404 Not Found', 404, 0, 'Not Found'],
    ['HTTP/1.1 200', 200, 1, ''],
    ['HTTP/1.1 200 ', 200, 1, ''],
    ['HTTP/1.1 599 a\tb  c', 599, 1, 'a\tb  c'],
    ['HTTP/1.1 999 \xe9t\xe9', 999, 1, '\xe9t\xe9'],
    ['HTTP/1.1 100 Continue', 100, 1, 'Continue'],
  ]
  for (const [line, status, minor, message] of good) {
    t.strictSame(parseHead(`${line}\r\n`), { status, minor, message, headers: [] }, line)
  }
  const bad = [
    'HTTP/2 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.10 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 20x OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 20',
    'HTTP/1.1 ',
    'HTTP/1.1',
    'ICY 200 OK',
    '',
    'HTTP/1.1 200 a\0b',
    'HTTP/1.1 200 a\rb',
    'HTTP/1.1 200 a\nX: b',
    'HTTP/1.1 200 a\x7fb',
  ]
  for (const line of bad) t.type(parseHead(`${line}\r\n`), 'string', JSON.stringify(line))
})

t.test('field lines keep order, spelling and repetition, and lose the white space around the value', async t => {
  const text = 'A: 1\r\nset-cookie:a=b \t\r\nSet-Cookie:\t c\xff d\r\nEmpty:\r\nBlank: \t \r\nX-Q: "a: b"\r\n'
  t.strictSame(parseFieldLines(text, 0), [
    ...['A', '1', 'set-cookie', 'a=b', 'Set-Cookie', 'c\xff d'],
    ...['Empty', '', 'Blank', '', 'X-Q', '"a: b"'],
  ])
  t.strictSame(parseFieldLines('skipped\r\nA: 1\r\n', 9), ['A', '1'])
  t.strictSame(parseFieldLines('', 0), [])
})

t.test('a field line that two readers could understand differently is refused', async t => {
  const bad: [string, string][] = [
    ['A : 1\r\n', 'space before the colon'],
    ['A\t: 1\r\n', 'space before the colon'],
    ['A: 1\r\n b\r\n', 'folded line'],
    ['A: 1\r\n\tb\r\n', 'folded line'],
    [' A: 1\r\n', 'folded line'],
    [': 1\r\n', 'field line without a name'],
    ['\r\n', 'field line without a name'],
    ['A\r\n', 'bad character in a field name'],
    ['A(b): 1\r\n', 'bad character in a field name'],
    ['\xe9: 1\r\n', 'field line without a name'],
    ['A\xe9: 1\r\n', 'bad character in a field name'],
    ['A\0: 1\r\n', 'bad character in a field name'],
    ['A: 1\n\r\n', 'bad character in a field value'],
    ['A: 1\nB: 2\r\n', 'bad character in a field value'],
    ['A: 1\rB: 2\r\n', 'bad character in a field value'],
    ['A: 1\r\r\n', 'bad character in a field value'],
    ['A: 1\0\r\n', 'bad character in a field value'],
    ['A: \x01\r\n', 'bad character in a field value'],
    ['A: \x7f\r\n', 'bad character in a field value'],
    ['A: 1', 'bad character in a field value'],
    ['A: 1\r', 'bad character in a field value'],
  ]
  for (const [text, reason] of bad) t.equal(parseFieldLines(text, 0), reason, JSON.stringify(text))
})

t.test('no character above 255 passes for one of a byte', async t => {
  t.equal(consistsOf(valueCharacters, 'a\u010d'), false)
  t.equal(isToken('a\u0161'), false)
  t.equal(isToken(''), false)
  t.equal(isToken('M-SEARCH'), true)
})

t.test('a decimal number is digits only and exact', async t => {
  const cases: [string, number | null][] = [
    ['0', 0],
    ['007', 7],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', null],
    ['18446744073709551621', null],
    ['', null],
    ['+1', null],
    ['-1', null],
    ['1.5', null],
    ['0x5', null],
    ['1 ', null],
    ['1e3', null],
  ]
  for (const [text, number] of cases) t.equal(parseDecimal(text), number, JSON.stringify(text))
})

t.test('a section is gathered over any cut, and what lies behind it is left alone', async t => {
  const text = 'HTTP/1.1 200 OK\r\nA: 1\r\n\r\nbody'
  for (let cut = 1; cut < text.length - 4; cut++) {
    const section = new SectionBuffer(100, true)
    t.equal(section.add(Buffer.from(text.slice(0, cut)), 0), 'more')
    const rest = Buffer.from(`##${text.slice(cut)}`)
    t.equal(section.add(rest, 2), 'whole')
    t.equal(rest.subarray(section.position).toString(), 'body')
    t.equal(section.take(0), 'HTTP/1.1 200 OK\r\nA: 1\r\n')
    t.equal(section.length, 0)
  }
})

t.test('a head whose lines end with LF alone is gathered over any cut, up to its first blank line', async t => {
  for (const text of [
    'HTTP/1.1 200 OK\nA: 1\n\nbo\r\n\r\ndy',
    'HTTP/1.1 200 OK\r\nA: 1\n\r\nbo\r\n\r\ndy',
    'HTTP/1.1 200 OK\nA: 1\r\n\r\nbo\r\n\r\ndy',
    'HTTP/1.1 200 OK\nA: 1\r\n\nbo\r\n\r\ndy',
  ]) {
    const end = text.indexOf('bo')
    for (let cut = 0; cut < end; cut++) {
      const section = new SectionBuffer(100, true)
      if (cut > 0) t.equal(section.add(Buffer.from(text.slice(0, cut)), 0), 'more')
      const rest = Buffer.from(`##${text.slice(cut)}`)
      t.equal(section.add(rest, 2), 'whole')
      t.ok(section.isLoose)
      t.equal(rest.subarray(section.position).toString(), 'bo\r\n\r\ndy', `${JSON.stringify(text)} cut at ${cut}`)
      t.equal(section.take(0), 'HTTP/1.1 200 OK\r\nA: 1\r\n')
      t.notOk(section.isLoose)
    }
  }
  const broken = new SectionBuffer(100, true)
  t.equal(broken.add(Buffer.from('HTTP/1.1 200 OK\nA: \rB\n'), 0), 'invalid', 'a CR alone ends nothing')
})

t.test('a section is refused as it arrives: at its limit, at a bare CR, at a wrong beginning', async t => {
  const head = (text: string, limit = 100) => new SectionBuffer(limit, true).add(Buffer.from(text), 0)
  t.equal(head('HTTP/1.1 200 OK\r\n', 17), 'tooLarge')
  t.equal(head('HTTP/1.1 200 OK\r\n', 18), 'more')
  t.equal(head('HTTP/1.1 200 OK\r\n\r\n', 19), 'whole')
  t.equal(head('HTTP/1.1 200 OK\r\n\r\n', 18), 'tooLarge')
  t.equal(head('HTTP/1.1 200 OK\n'), 'more')
  t.equal(new SectionBuffer(100, false).add(Buffer.from('A: 1\n'), 0), 'invalid', 'trailers')
  t.equal(head('HTTP/1.1 200 OK\rX'), 'invalid')
  t.equal(head('HTTP/1.1 200 OK\r'), 'more')
  t.equal(head('SSH-2.0-x\r\n'), 'invalid')
  t.equal(head('HTT'), 'more')
  t.equal(head('HTX'), 'invalid')
  const drip = new SectionBuffer(100, true)
  t.equal(drip.add(Buffer.from('HTTP/1.1 200 OK\r'), 0), 'more')
  t.equal(drip.add(Buffer.from('X'), 0), 'invalid')
})
