import fc from 'fast-check'
import t from 'tap'
import { bodyStalled, bodyTooLarge, clientLeft } from '../../../plugins/proxy/errors.ts'
import { publicFailure, sendFailure } from '../../../plugins/proxy/failure.ts'
import { failureAnswer, type PublicFailure } from '../../../plugins/proxy/failure-page.ts'
import { upstreamFailure } from '../../../plugins/upstream/errors.ts'

const failure: PublicFailure = {
  status: 502,
  code: 'HG_UPSTREAM_RESET',
  message: 'the origin closed the connection before it answered',
  requestId: 'id-1',
  proxyStatus: 'connection_terminated',
  retryAfter: null,
}
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

t.test('people get a page, programs get JSON', async t => {
  const cases: [string | undefined, boolean][] = [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['application/json, text/plain, */*', false],
    ['image/avif,image/webp,*/*', false],
    [browser, true],
    ['text/html', true],
    ['text/html, application/json', true],
    ['application/json, text/html', false],
  ]
  for (const [accept, isPage] of cases) {
    const { headers } = failureAnswer(failure, accept)
    t.match(headers['content-type'], isPage ? 'text/html' : 'application/json', `${accept}`)
  }
})

t.test('the fields say what happened and that nobody may store it', async t => {
  const { headers, body } = failureAnswer({ ...failure, status: 503, retryAfter: 2 }, undefined)
  t.match(headers, {
    'cache-control': 'no-store',
    'x-request-id': 'id-1',
    'proxy-status': 'hearthgate; error=connection_terminated',
    'retry-after': '2',
    'content-length': String(Buffer.byteLength(body)),
  })
  t.strictSame(JSON.parse(body), {
    statusCode: 503,
    error: 'The app behind this address is not available',
    code: 'HG_UPSTREAM_RESET',
    message: failure.message,
    requestId: 'id-1',
  })
  const plain = failureAnswer({ ...failure, proxyStatus: null }, browser).headers
  t.notOk('retry-after' in plain)
  t.match(plain['content-security-policy'], "default-src 'none'")
})

t.test('an answer that no origin was asked for says why by its status (RFC 9209 §2.3)', async t => {
  const cases: [number, string][] = [
    ...[400, 405, 408, 413, 415, 417].map(status => [status, 'http_request_error'] as [number, string]),
    ...[401, 403, 429].map(status => [status, 'http_request_denied'] as [number, string]),
    [404, 'destination_not_found'],
    [503, 'proxy_internal_response'],
  ]
  for (const [status, type] of cases) {
    const { headers } = failureAnswer({ ...failure, status, proxyStatus: null }, browser)
    t.equal(headers['proxy-status'], `hearthgate; error=${type}`, String(status))
  }
})

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('<script>alert(1)</script>', '"><img src=x>', "'", '&lt;', '</p>', 'ä€😀'),
)

t.test('nothing in a message or an id becomes markup, and nothing is lost', async () => {
  fc.assert(
    fc.property(text, text, fc.integer({ min: 400, max: 599 }), (message, requestId, status) => {
      const given = { ...failure, message, requestId, status }
      const { body, headers } = failureAnswer(given, browser)
      const empty = failureAnswer({ ...given, message: '', requestId: '' }, browser).body
      const tags = (page: string) => page.split('<').length
      return (
        tags(body) === tags(empty) &&
        body.includes(`<p>${escaped(message)}</p>`) &&
        headers['content-length'] === String(Buffer.byteLength(body))
      )
    }),
  )
  fc.assert(
    fc.property(text, message => {
      const { body, headers } = failureAnswer({ ...failure, message }, undefined)
      return JSON.parse(body).message === message && headers['content-length'] === String(Buffer.byteLength(body))
    }),
  )
})

/** RFC-free and on purpose not the code under test: what a browser turns back into the text. */
function escaped(message: string): string {
  return [...message].map(char => ({ '&': '&amp;', '<': '&lt;', '"': '&quot;' })[char] ?? char).join('')
}

t.test('errors of ours speak for themselves, others are a 500 that names nothing', async t => {
  const cases: [Error, object][] = [
    [upstreamFailure('refused', true), { status: 502, code: 'HG_UPSTREAM_REFUSED', proxyStatus: 'connection_refused' }],
    [upstreamFailure('full', true), { status: 503, retryAfter: 2, proxyStatus: 'connection_limit_reached' }],
    [upstreamFailure('headTimeout', false), { status: 504, retryAfter: null }],
    [
      bodyTooLarge('photos', 5),
      { status: 413, code: 'HG_BODY_TOO_LARGE', proxyStatus: null, message: /5 bytes.*photos/ },
    ],
    [bodyStalled(), { status: 408, proxyStatus: null }],
    [clientLeft(), { status: 499 }],
    [new Error('connect ECONNREFUSED 10.0.0.7:3000'), { status: 500, code: 'HG_INTERNAL' }],
    [Object.assign(new Error('secret'), { code: 'HG_FAKE' }), { status: 500, code: 'HG_INTERNAL' }],
    [Object.assign(new Error('secret'), { code: 'ENOENT', statusCode: 404 }), { status: 500, code: 'HG_INTERNAL' }],
  ]
  for (const [error, wanted] of cases) {
    const shown = publicFailure(error, 'id-1')
    t.match(shown, { requestId: 'id-1', ...wanted }, error.message)
    t.notMatch(shown.message, /10\.0\.0\.7|secret/)
  }
  const caused = upstreamFailure('refused', true, new Error('connect ECONNREFUSED 10.0.0.7:3000'))
  t.notMatch(failureAnswer(publicFailure(caused, 'id-1'), browser).body, '10.0.0.7')
})

t.test('a fault of the gateway is an error in the log, unless its client has reset the stream', async t => {
  for (const [destroyed, level] of [
    [false, 'error'],
    [true, 'debug'],
  ] as const) {
    const told: string[] = []
    const log = { error: () => told.push('error'), debug: () => told.push('debug') }
    const sent = { code: () => sent, headers: () => sent, send: () => sent }
    const request = { id: 'id-1', raw: { headers: {}, complete: true } }
    const reply = { ...sent, request, log, raw: { stream: { destroyed, closed: false } }, getHeaders: () => ({}) }
    const reset = Object.assign(new Error('The stream has been destroyed'), { code: 'ERR_HTTP2_INVALID_STREAM' })
    sendFailure(reply as unknown as Parameters<typeof sendFailure>[0], null, reset)
    t.same(told, [level])
  }
})
