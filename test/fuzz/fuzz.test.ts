/** The short form of `npm run fuzz`: a fixed seed, a bounded count, some seconds. */
import t from 'tap'
import { fuzzAnswers } from './fuzz-answers.ts'
import { fuzzClients } from './fuzz-clients.ts'
import { fuzzH2 } from './fuzz-h2.ts'
import { fuzzRequests } from './fuzz-requests.ts'
import { readAnswers, readOriginsAnswer } from './read-answers.ts'
import { readRequests } from './read-requests.ts'

/** A machine that has other work still ends in time; what has been tried by then has been right. */
const bounds = (runs: number) => ({ seed: 20_261_129, runs, ms: 3_000 })

t.test('what reaches the origin is what was asked, and answers are whole or visibly cut', async t => {
  const tally = await fuzzRequests(t, bounds(500))
  t.ok(tally.forwarded > tally.runs / 3 && tally.refused > 0, JSON.stringify(tally))
})

t.test('no answer of an origin reaches anybody but who asked, and none looks better than it is', async t => {
  const tally = await fuzzAnswers(t, bounds(400))
  t.ok(tally.passed > tally.runs / 5 && tally.replaced > 0 && tally.cut > 0, JSON.stringify(tally))
})

t.test('frames of HTTP/2 become the requests that they ask for, or none', async t => {
  const tally = await fuzzH2(t, bounds(300))
  t.ok(tally.forwarded > tally.runs / 4, JSON.stringify(tally))
})

t.test('our client of HTTP/1.1 reads what undici reads, or is stricter', async t => {
  const tally = await fuzzClients(t, bounds(400))
  t.ok(tally.same > tally.runs / 2, JSON.stringify(tally))
})

t.test('the models are as strict as they have to be', t => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\n'
  const strict: readonly [string, number, string][] = [
    [`${head}Content-Length: 2\r\n\r\nabGET / HTTP/1.1\r\nHost: a\r\n\r\n`, 2, 'whole'],
    [`${head}Content-Length: 3\r\n\r\nab`, 1, 'partial'],
    [`${head}Content-Length: +2\r\n\r\nab`, 0, 'invalid'],
    [`${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab`, 0, 'invalid'],
    [`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 0, 'invalid'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nX: y\r\n\r\n`, 1, 'whole'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n`, 1, 'invalid'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n`, 1, 'invalid'],
    ['GET  /   HTTP/1.1\r\nHost: a\r\n\r\n', 1, 'whole'],
    ['GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 0, 'invalid'],
    ['GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', 0, 'invalid'],
    ['GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 0, 'invalid'],
    ['GET / HTTP/1.1\r\n\r\n', 0, 'invalid'],
  ]
  for (const [bytes, count, rest] of strict) {
    const reading = readRequests(bytes)
    t.strictSame([reading.requests.length, reading.rest], [count, rest], bytes)
  }
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab'
  t.equal(readAnswers(`${ok}HTTP/1.1 103 X\r\n\r\n${ok}`, []).answers.length, 2)
  t.equal(readAnswers(ok.slice(0, -1), []).ending, 'partial')
  t.equal(readAnswers(`${ok}x`, []).ending, 'partial')
  t.equal(readAnswers(ok.replace('2\r', '2, 3\r'), []).ending, 'invalid')
  const loose = ok.replaceAll('\r', '')
  t.equal(readAnswers(loose, []).ending, 'partial', 'no client is told so')
  t.equal(readOriginsAnswer(loose, 'GET', false).answer?.body, 'ab')
  t.end()
})
