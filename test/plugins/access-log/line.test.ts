import fc from 'fast-check'
import t from 'tap'
import type { AccessEntry } from '../../../plugins/access-log/index.ts'
import { combinedLine, makeJsonLine } from '../../../plugins/access-log/line.ts'
import { printable } from '../../../plugins/access-log/printable.ts'
import { compileRedaction } from '../../../plugins/access-log/redaction.ts'
import { decideLog } from '../../../plugins/access-log/sampling.ts'
import { decideOutcome, decideStatus, type Ending } from '../../../plugins/contract/exchanges/facts.ts'

const entry: AccessEntry = {
  requestId: 'r1',
  host: 'nas.home.arpa:8080',
  client: '192.0.2.1',
  route: 'films',
  upstream: 'http://127.0.0.1:8096',
  attempts: 2,
  bytesIn: 0,
  bytesOut: 1234,
  bytesRaw: null,
  queueMs: 0,
  encodeMs: 0,
  isLongHeld: false,
  firstByteMs: 1.23456,
  upstreamMs: null,
  cache: 'hearthgate; fwd=miss; stored',
  encoding: 'zstd',
  method: 'GET',
  url: '/Videos/1?api_key=abc',
  protocol: 'h2',
  status: 206,
  outcome: 'ok',
  durationMs: 12.5,
  userAgent: 'agent "x"',
  referer: 'https://nas/?token=abc',
}

t.test('the JSON form has what is known and leaves out what is not', async t => {
  const fields = JSON.parse(makeJsonLine()(entry, 30, 1_700_000_000_000))
  t.strictSame(fields, {
    level: 30,
    time: 1_700_000_000_000,
    request_id: 'r1',
    client: '192.0.2.1',
    method: 'GET',
    host: 'nas.home.arpa:8080',
    path: '/Videos/1?api_key=***',
    protocol: 'h2',
    status: 206,
    outcome: 'ok',
    route: 'films',
    upstream: 'http://127.0.0.1:8096',
    attempts: 2,
    bytes_in: 0,
    bytes_out: 1234,
    duration_ms: 12.5,
    first_byte_ms: 1.235,
    cache: 'hearthgate; fwd=miss; stored',
    encoding: 'zstd',
    user_agent: 'agent "x"',
    msg: 'request',
  })
})

t.test('a number that is none is left out', async t => {
  const fields = JSON.parse(
    makeJsonLine()({ ...entry, bytesOut: Number.NaN, durationMs: Number.POSITIVE_INFINITY }, 30, 0),
  )
  t.notOk('bytes_out' in fields || 'duration_ms' in fields)
  t.equal(fields.bytes_in, 0)
})

t.test('what the last lines told makes no difference to the next', async t => {
  const text = fc.constantFrom(null, '', 'a', '/s/Qz?token=1', 'é"\u2028')
  const redaction = fc.constantFrom(null, compileRedaction(['/s/']), compileRedaction(['/t/']))
  const change = fc.record({ route: text, upstream: text, cache: text, userAgent: text, traceId: text, redaction })
  const url = fc.constantFrom('/s/Qz', '/t/Qz', '/s/Qz?a=1')
  const entries = fc.array(fc.tuple(change, url), { minLength: 2, maxLength: 12 })
  fc.assert(
    fc.property(entries, changes => {
      const lineOf = makeJsonLine()
      return changes.every(([change, url]) => {
        const next = { ...entry, ...change, url }
        return lineOf(next, 30, 0) === makeJsonLine()(next, 30, 0)
      })
    }),
    { numRuns: 500 },
  )
  t.pass('500 runs')
})

t.test('the combined form is as Apache writes it', async t => {
  const nowMs = Date.UTC(2026, 10, 2, 3, 4, 5)
  t.equal(
    combinedLine(entry, nowMs),
    '192.0.2.1 - - [02/Nov/2026:03:04:05 +0000] "GET /Videos/1?api_key=*** HTTP/2.0" 206 1234 "https://nas/?token=***" "agent \\"x\\""',
  )
  const bare = { ...entry, protocol: 'h1', bytesOut: null, referer: null, userAgent: null, client: '' } as const
  t.equal(
    combinedLine(bare, nowMs),
    '- - - [02/Nov/2026:03:04:05 +0000] "GET /Videos/1?api_key=*** HTTP/1.1" 206 - "-" "-"',
  )
})

t.test('characters that end a line or steer a terminal are escaped', async t => {
  const cases: [string, string][] = [
    ['plain', 'plain'],
    ['grüße 炉 🔥', 'grüße 炉 🔥'],
    ['a\nb\r\tc', 'a\\x0ab\\x0d\\x09c'],
    ['\x1b[31m\x9b31m\x7f', '\\x1b[31m\\x9b31m\\x7f'],
    ['a\u2028b\u202ec\u2066d\u200fe', 'a\\u2028b\\u202ec\\u2066d\\u200fe'],
    ['x'.repeat(120), `${'x'.repeat(100)}…`],
  ]
  for (const [text, expected] of cases) t.equal(printable(text, 100), expected)
})

t.test('no text of a stranger makes a second line, a further field, or a line without end', async t => {
  const text = fc.string({ unit: 'binary', maxLength: 5000 })
  const lineOf = makeJsonLine()
  fc.assert(
    fc.property(text, text, text, (url, userAgent, other) => {
      const hostile = {
        ...entry,
        url,
        userAgent,
        referer: other,
        host: other,
        method: other,
        client: other,
        requestId: other,
      }
      const line = combinedLine(hostile, 0)
      const json = lineOf(hostile, 30, 0)
      const quotes = [...line.matchAll(/(?<!\\)(?:\\\\)*"/g)].length
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      return quotes === 6 && !/[\0-\x1f\x7f-\x9f\u2028\u2029]/.test(line + json) && line.length < 20_000
    }),
    { numRuns: 500 },
  )
  t.pass('500 runs')
})

t.test('the end of a request decides about its outcome and status', async t => {
  const ending: Ending = { isFinished: true, isHeadSent: true, status: 200, error: null, isOriginCut: false }
  const cut = { isFinished: false, isOriginCut: true, error: 'HG_UPSTREAM_INCOMPLETE' }
  const cases: [Partial<Ending>, string, number][] = [
    [{}, 'ok', 200],
    [{ status: 503 }, 'ok', 503],
    [{ isFinished: false }, 'client_left', 200],
    [{ isFinished: false, isHeadSent: false }, 'client_left', 499],
    [cut, 'origin_cut', 200],
    [{ ...cut, isHeadSent: false }, 'origin_cut', 0],
    [{ ...cut, isFinished: true, status: 502 }, 'HG_UPSTREAM_INCOMPLETE', 502],
    [{ error: 'HG_UPSTREAM_TIMEOUT', status: 504 }, 'HG_UPSTREAM_TIMEOUT', 504],
    [{ error: 'HG_CLIENT_SLOW', isFinished: false, isHeadSent: false }, 'HG_CLIENT_SLOW', 0],
  ]
  for (const [change, outcome, status] of cases) {
    const end = { ...ending, ...change }
    t.strictSame([decideOutcome(end), decideStatus(end, outcome)], [outcome, status], JSON.stringify(change))
  }
})

t.test('a share of what went well is logged, and all else', async t => {
  const cases: [number, string, number, number, boolean, string][] = [
    [200, 'ok', 1, 0.999, true, 'sampled'],
    [200, 'ok', 0.5, 0.49, true, 'sampled'],
    [200, 'ok', 0.5, 0.5, false, 'left-out'],
    [304, 'ok', 0, 0, false, 'left-out'],
    [404, 'ok', 0, 0.9, true, 'error'],
    [500, 'ok', 0, 0.9, true, 'error'],
    [200, 'client_left', 0, 0.9, true, 'error'],
    [200, 'origin_cut', 0, 0.9, true, 'error'],
  ]
  for (const [status, outcome, sample, chance, log, reason] of cases) {
    t.strictSame(decideLog({ status, outcome }, sample, chance), { log, reason })
  }
})
