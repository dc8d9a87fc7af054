import fc from 'fast-check'
import t from 'tap'
import { formatHttpDate, parseHttpDate } from '../../../../plugins/cache/rules/http-date.ts'
import { now } from './support.ts'

t.test('dates in all three forms', async t => {
  const cases: [string, string][] = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
    ['Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
    ['Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37.000Z'],
    ['Sun Nov 16 08:49:37 1994', '1994-11-16T08:49:37.000Z'],
    ['Thursday, 18-Aug-50 02:01:18 GMT', '2050-08-18T02:01:18.000Z'],
    ['Thursday, 18-Aug-77 02:01:18 GMT', '1977-08-18T02:01:18.000Z'],
    ['Thu Aug  8 02:01:18 2050', '2050-08-08T02:01:18.000Z'],
    ['Thu, 18 AUG 2050 02:01:18 GMT', '2050-08-18T02:01:18.000Z'],
    ['Thu, 18 Aug 2050 02:01:18 gMT', '2050-08-18T02:01:18.000Z'],
    ['tHu, 18 Aug 2050 02:01:18 GMT', '2050-08-18T02:01:18.000Z'],
    ['Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00.000Z'],
    ['Thu, 29 Feb 2024 00:00:00 GMT', '2024-02-29T00:00:00.000Z'],
  ]
  for (const [text, wanted] of cases) {
    const parsed = parseHttpDate(text, now)
    t.equal(parsed === null ? null : new Date(parsed).toISOString(), wanted, text)
  }
})

t.test('what is no date', async t => {
  const cases = [
    '',
    '0',
    '-1',
    'Thu, 18 Aug 2050 02:01:18 UTC',
    'Thu, 18 Aug 2050 02:01:18 AEST',
    'Thu, 18 Aug 50 02:01:18 GMT',
    'Thu 18 Aug 2050 02:01:18 GMT',
    'Thu, 18  Aug  2050 02:01:18 GMT',
    'Thu, 18-Aug-2050 02:01:18 GMT',
    'Thu, 18 Aug 2050 2:01:18 GMT',
    'Thu, 18 Aug 2050 02.01.18 GMT',
    'Thu, 18 Aug 2050 24:01:18 GMT',
    'Thu, 31 Feb 2050 02:01:18 GMT',
    'Thu, 00 Feb 2050 02:01:18 GMT',
    'Foo, 18 Aug 2050 02:01:18 GMT',
    'Thu, 18 Foo 2050 02:01:18 GMT',
    'Thu, 1a Aug 2050 02:01:18 GMT',
    'Thu Aug  8 02:01:18 20x0',
    '2050-08-18T02:01:18Z',
  ]
  for (const text of cases) t.equal(parseHttpDate(text, now), null, text)
})

t.test('every second is read as it is written, and no text throws', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), seconds => {
      return parseHttpDate(formatHttpDate(seconds * 1000), now) === seconds * 1000
    }),
  )
  fc.assert(fc.property(fc.string({ maxLength: 40 }), text => parseHttpDate(text, now) === null))
})
