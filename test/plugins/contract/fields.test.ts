import fc from 'fast-check'
import t from 'tap'
import { contentTypeOf, isEndless, isNamed } from '../../../plugins/contract/index.ts'

t.test('what is endless is known by its media type, whatever follows it', async t => {
  const cases: [string[], boolean][] = [
    [['Content-Type', 'text/event-stream'], true],
    [['content-type', 'Text/Event-Stream; charset=utf-8'], true],
    [['Date', 'x', 'Content-Type', 'multipart/x-mixed-replace; boundary=frame'], true],
    [['Content-Type', 'text/html'], false],
    [['Content-Type', 'application/x-ndjson'], false],
    [['Content-Type', 'text/event'], false],
    [['X-Note', 'text/event-stream'], false],
    [[], false],
  ]
  for (const [fields, wanted] of cases) t.equal(isEndless(contentTypeOf(fields)), wanted, fields.join(': '))
})

t.test('a name is one in any case of its ASCII letters, and nothing else is', async t => {
  const names = fc.constantFrom('content-type', 'etag', 'x-a_b.c~1', '')
  const mixed = names.chain(name =>
    fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map(upper => ({
      name,
      text: [...name].map((letter, i) => (upper[i] === true ? letter.toUpperCase() : letter)).join(''),
    })),
  )
  fc.assert(fc.property(mixed, ({ name, text }) => isNamed(text, name)))
  const others = fc.string({ unit: 'binary', maxLength: 14 })
  fc.assert(fc.property(others, names, (text, name) => isNamed(text, name) === (text.toLowerCase() === name)))
  // Letters that only Unicode takes for the same.
  t.notOk(isNamed('\u212aeep', 'keep'), 'KELVIN SIGN')
  t.notOk(isNamed('content_type', 'content-type'))
  t.notOk(isNamed('\x00etag', 'etag'))
})
