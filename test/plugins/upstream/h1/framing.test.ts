import t from 'tap'
import {
  decideFraming,
  isPersistent,
  parseContentLength,
  parseKeepAliveHintMs,
  readConnectionFields,
} from '../../../../plugins/upstream/h1/framing.ts'

const CL = 'Content-Length'
const TE = 'Transfer-Encoding'

t.test('the end of a body follows the list of RFC 9112 section 6.3', async t => {
  const cases: [string, number, 0 | 1, string[], string, number][] = [
    ['HEAD', 200, 1, [CL, '5'], 'none', 0],
    ['HEAD', 200, 1, [TE, 'chunked', CL, '5'], 'none', 0],
    ['GET', 204, 1, [CL, '5'], 'none', 0],
    ['GET', 204, 1, [TE, 'chunked'], 'none', 0],
    ['GET', 304, 1, [CL, '1234'], 'none', 0],
    ['GET', 100, 1, [CL, '5'], 'none', 0],
    ['GET', 200, 1, [TE, 'chunked'], 'chunked', 0],
    ['GET', 200, 1, ['transfer-encoding', 'CHUNKED'], 'chunked', 0],
    ['GET', 200, 1, [CL, '5'], 'length', 5],
    ['GET', 200, 0, [CL, '5'], 'length', 5],
    ['GET', 200, 1, [CL, '0'], 'length', 0],
    ['GET', 200, 1, [CL, '5', 'content-length', '5'], 'length', 5],
    ['GET', 200, 1, [CL, '5, 5,5'], 'length', 5],
    ['GET', 200, 1, [], 'untilClose', 0],
    ['GET', 200, 0, ['X', 'y'], 'untilClose', 0],
    ['GET', 205, 1, [], 'untilClose', 0],
    ['GET', 200, 1, [CL, '5', CL, '10'], 'invalid', 0],
    ['GET', 200, 1, [CL, '5, 10'], 'invalid', 0],
    ['GET', 200, 1, [CL, '5,'], 'invalid', 0],
    ['GET', 200, 1, [CL, ', 5'], 'invalid', 0],
    ['GET', 200, 1, [CL, ''], 'invalid', 0],
    ['GET', 200, 1, [CL, '+5'], 'invalid', 0],
    ['GET', 200, 1, [CL, '-5'], 'invalid', 0],
    ['GET', 200, 1, [CL, '5 5'], 'invalid', 0],
    ['GET', 200, 1, [CL, '0x5'], 'invalid', 0],
    ['GET', 200, 1, [CL, '99999999999999999999'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'chunked', CL, '5'], 'invalid', 0],
    ['GET', 200, 1, [CL, '5', TE, 'chunked'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'chunked', TE, 'chunked'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'gzip, chunked'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'chunked, identity'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'identity'], 'invalid', 0],
    ['GET', 200, 1, [TE, 'xchunked'], 'invalid', 0],
    ['GET', 200, 1, [TE, '"chunked"'], 'invalid', 0],
    ['GET', 200, 1, [TE, ''], 'invalid', 0],
    ['GET', 200, 0, [TE, 'chunked'], 'invalid', 0],
  ]
  for (const [method, status, minor, headers, body, length] of cases) {
    const framing = decideFraming(method, status, minor, readConnectionFields(headers))
    t.match(framing, { body, length }, `${method} ${status} HTTP/1.${minor} ${headers.join(' ')}`)
    t.ok(framing.reason)
  }
})

t.test('a connection persists by version and Connection option', async t => {
  const cases: [0 | 1, string | null, boolean][] = [
    [1, null, true],
    [0, null, false],
    [1, 'close', false],
    [1, 'Close', false],
    [1, 'x, CLOSE ,y', false],
    [1, 'keep-alive', true],
    [1, 'closed', true],
    [0, 'keep-alive', true],
    [0, 'Keep-Alive', true],
    [0, 'keep-alive, close', false],
    [0, 'x', false],
  ]
  for (const [minor, connection, persists] of cases) t.equal(isPersistent(minor, connection), persists, `${connection}`)
  const several = readConnectionFields(['Connection', 'x', 'CONNECTION', 'close', 'Set-Cookie', 'a', 'Keep-Alive', 'b'])
  t.strictSame(several, { contentLength: null, transferEncoding: null, connection: 'x, close', keepAlive: 'b' })
})

t.test('the hint of Keep-Alive is read in seconds and told in milliseconds', async t => {
  const cases: [string | null, number | null][] = [
    [null, null],
    ['timeout=5', 5000],
    ['timeout=5, max=100', 5000],
    ['max=100, Timeout = 7', 7000],
    ['timeout=0', 0],
    ['max=3', null],
    ['timeout', null],
    ['timeout=', null],
    ['timeout=5=6', null],
    ['timeout=-1', null],
    ['timeout=99999999999', null],
  ]
  for (const [value, ms] of cases) t.equal(parseKeepAliveHintMs(value), ms, `${value}`)
})

t.test('several lengths count as one only if they are the same', async t => {
  t.equal(parseContentLength('3, 3'), 3)
  t.equal(parseContentLength('3, 03'), null)
  t.equal(parseContentLength('x, x'), null)
})
