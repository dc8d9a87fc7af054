import t from 'tap'
import { type Changer, decideWayOut, hasNoBody } from '../../../plugins/proxy/way-out.ts'

const answer = {
  method: 'GET',
  status: 200,
  fields: ['Content-Type', 'text/html'],
  contentLength: 5,
  hasTrailers: false,
}
const never: Changer = () => false
const html: Changer = ({ fields }) => fields[1] === 'text/html'

t.test('an answer that nobody changes goes straight out, where that is allowed', async t => {
  const cases: [string, boolean, Changer[], object][] = [
    ['nobody registered', true, [], { way: 'direct', reason: 'nobody-changes-it' }],
    ['nobody wants it', true, [never, never], { way: 'direct', reason: 'nobody-changes-it' }],
    ['the last one wants it', true, [never, html], { way: 'framework', reason: 'changed' }],
    ['not allowed', false, [never], { way: 'framework', reason: 'not-allowed' }],
  ]
  for (const [name, isAllowed, changers, wanted] of cases) {
    t.strictSame(decideWayOut(isAllowed, changers, answer, null), wanted, name)
  }
})

t.test('each is asked once, with the answer and the request, whatever the others say', async t => {
  const asked: unknown[] = []
  const record =
    (says: boolean): Changer =>
    (given, request) => {
      asked.push([given, request])
      return says
    }
  const request = {}
  decideWayOut(true, [record(false), record(true), record(true)], answer, request)
  t.equal(asked.length, 3)
  t.strictSame(asked[0], [answer, request])
})

t.test('some answers have no body, whatever their head says', async t => {
  const cases: [string, number, boolean][] = [
    ['GET', 200, false],
    ['HEAD', 200, true],
    ['HEAD', 404, true],
    ['GET', 204, true],
    ['GET', 205, false],
    ['GET', 304, true],
    ['GET', 103, true],
    ['POST', 500, false],
  ]
  for (const [method, status, wanted] of cases) t.equal(hasNoBody(method, status), wanted, `${method} ${status}`)
})
