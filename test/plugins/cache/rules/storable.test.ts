import fc from 'fast-check'
import t from 'tap'
import { type Case, flat, kept, type Line, request, verdict } from './support.ts'

const fresh: Line = ['Cache-Control', 'max-age=3600']
const date: Line = ['Date', 0]
const etag: Line = ['ETag', '"a"']

function table(
  t: { equal(a: unknown, b: unknown, name: string): unknown },
  cases: readonly (readonly [string, string, Case])[],
) {
  for (const [wanted, name, given] of cases) t.equal(verdict(given), wanted, name)
}

t.test('by what was asked', async t => {
  table(t, [
    ['stored', 'a plain GET', { answer: [fresh] }],
    ['method', 'HEAD', { request: request([], { method: 'HEAD' }), answer: [fresh] }],
    ['method', 'PUT', { request: request([], { method: 'PUT' }), answer: [fresh] }],
    ['method', 'a method in lower case', { request: request([], { method: 'get' }), answer: [fresh] }],
    ['request-body', 'a GET with content', { hasRequestBody: true, answer: [fresh] }],
    ['request-no-store', 'no-store', { request: request([['Cache-Control', 'no-store']]), answer: [fresh] }],
    [
      'request-override',
      'another method in a field',
      { request: request([['X-HTTP-Method-Override', 'DELETE']]), answer: [fresh] },
    ],
    [
      'request-override',
      'another address in a field',
      { request: request([['x-original-url', '/admin']]), answer: [fresh] },
    ],
  ])
})

t.test('a POST for later GETs, where the route wants it', async t => {
  const post = request([], { method: 'POST', target: '/t/1' })
  const settings = { storePost: true }
  const location: Line = ['Content-Location', '/t/1']
  table(t, [
    ['method', 'not by default', { request: post, hasRequestBody: true, answer: [fresh, location] }],
    ['stored', 'the target itself', { request: post, hasRequestBody: true, answer: [fresh, location], settings }],
    [
      'stored',
      'with its host',
      { request: post, answer: [fresh, ['Content-Location', 'http://app.test/t/1']], settings },
    ],
    ['method', 'another target', { request: post, answer: [fresh, ['Content-Location', '/t/2']], settings }],
    ['method', 'another host', { request: post, answer: [fresh, ['Content-Location', 'http://x.test/t/1']], settings }],
    ['method', 'no lifetime', { request: post, answer: [etag, location], settings }],
    [
      'method',
      'with a cookie',
      { request: { ...post, headers: ['Cookie', 'a=b'] }, answer: [fresh, location], settings },
    ],
  ])
  t.equal(kept([fresh, location], { request: post, settings }).method, 'GET')
})

t.test('by directives', async t => {
  const cases: [string, string][] = [
    ['no-store', 'no-store'],
    ['no-store', 'max-age=10000, no-store'],
    ['private', 'private, max-age=60'],
    ['private', 'private="set-cookie", max-age=60'],
    ['private', 'private="", max-age=60'],
    ['private', 'private, private="x", max-age=60'],
    ['private', 'public, private, max-age=60'],
    ['cache-control-malformed', 'max-age=60 private'],
    ['cache-control-malformed', 'max-age=60, "private'],
    ['cache-control-malformed', 'no_store, max-age=60'],
    ['cache-control-malformed', 'public; max-age=60'],
    ['stored', 'max-age=3600, no-store, must-understand'],
    ['nothing-to-reuse', 'max-age=60, no-cache'],
    ['nothing-to-reuse', 'max-age=0'],
    ['nothing-to-reuse', 's-maxage=0, max-age=60'],
    ['nothing-to-reuse', "max-age='3600'"],
    ['stored', 'max-age=0, stale-while-revalidate=60'],
    ['nothing-to-reuse', 'max-age=0, stale-while-revalidate=60, must-revalidate'],
  ]
  for (const [wanted, value] of cases) t.equal(verdict({ answer: [['Cache-Control', value], date] }), wanted, value)
  table(t, [
    [
      'status-not-understood',
      'must-understand',
      {
        status: 599,
        answer: [['Cache-Control', 'max-age=3600, no-store, must-understand']],
      },
    ],
    [
      'stored',
      'a targeted lifetime beside no-store',
      {
        answer: [
          ['Cache-Control', 'no-store'],
          ['CDN-Cache-Control', 'max-age=60'],
        ],
      },
    ],
    ['no-store', 'a targeted no-store beside a lifetime', { answer: [fresh, ['CDN-Cache-Control', 'no-store']] }],
    [
      'no-store',
      'a targeted field that is malformed is ignored',
      {
        answer: [
          ['CDN-Cache-Control', 'max-age=10000, &&&&&'],
          ['Cache-Control', 'no-store'],
        ],
      },
    ],
    ['cache-control-malformed', 'unless it speaks of private', { answer: [fresh, ['CDN-Cache-Control', 'Private']] }],
    [
      'cache-control-malformed',
      'a malformed field beside a targeted one',
      {
        answer: [
          ['Cache-Control', 'private;'],
          ['CDN-Cache-Control', 'max-age=60'],
          ['Cache-Control', 'max-age'],
        ],
      },
    ],
  ])
})

t.test('what belongs to one person', async t => {
  const authorized = request([['Authorization', 'FOO']])
  const withCookie = request([['Cookie', 'a=b']])
  table(t, [
    ['authorization', 'Authorization', { request: authorized, answer: [fresh] }],
    ['authorization', 'a key in another field', { request: request([['X-Api-Key', '1']]), answer: [fresh] }],
    ['authorization', 'a token of a media server', { request: request([['X-Emby-Token', '1']]), answer: [fresh] }],
    ['stored', 'public', { request: authorized, answer: [['Cache-Control', 'max-age=3600, public']] }],
    ['stored', 's-maxage', { request: authorized, answer: [['Cache-Control', 's-maxage=60']] }],
    ['stored', 'must-revalidate', { request: authorized, answer: [['Cache-Control', 'max-age=9, must-revalidate']] }],
    [
      'authorization',
      'proxy-revalidate',
      { request: authorized, answer: [['Cache-Control', 'max-age=9, proxy-revalidate']] },
    ],
    ['set-cookie', 'Set-Cookie', { answer: [fresh, ['Set-Cookie', 'a=b']] }],
    [
      'set-cookie',
      'Set-Cookie, publicly',
      {
        answer: [
          ['cache-control', 'public, max-age=9'],
          ['sEt-cOokie', 'a=b'],
        ],
      },
    ],
    ['stored', 'Set-Cookie2, which nobody reads', { answer: [fresh, ['Set-Cookie2', 'a=b']] }],
    ['stored', 'a cookie in the request and a lifetime', { request: withCookie, answer: [fresh] }],
    ['cookie-unmarked', 'a cookie and a mere validator', { request: withCookie, answer: [etag] }],
    [
      'cookie-unmarked',
      'a cookie and no-cache',
      {
        request: withCookie,
        answer: [['Cache-Control', 'no-cache, max-age=60'], etag],
      },
    ],
    ['stored', 'a cookie and public', { request: withCookie, answer: [['Cache-Control', 'public, max-age=0'], etag] }],
    ['stored', 'nobody and a mere validator', { answer: [etag] }],
    ['vary-star', 'Vary *', { answer: [fresh, ['Vary', '*']] }],
    ['vary-star', 'Vary with a star in it', { answer: [fresh, ['Vary', ''], ['Vary', 'foo, *']] }],
    ['vary-cookie', 'Vary Cookie', { answer: [fresh, ['Vary', 'Accept-Encoding'], ['Vary', 'Cookie']] }],
    [
      'stored',
      'Vary Cookie, where the route wants it',
      {
        answer: [fresh, ['Vary', 'Cookie']],
        settings: { storeCookieVary: true },
      },
    ],
    ['vary-authorization', 'Vary Authorization', { answer: [fresh, ['Vary', 'Authorization']] }],
    ['vary-client', 'Vary by address', { answer: [fresh, ['Vary', 'X-Forwarded-For']] }],
    ['vary-client', 'Vary by user', { answer: [fresh, ['Vary', 'Remote-User']] }],
    ['vary-condition', 'Vary by what a client has', { answer: [fresh, ['Vary', 'If-None-Match, If-Modified-Since']] }],
    ['vary-condition', 'Vary by a part', { answer: [fresh, ['Vary', 'Range']] }],
    ['vary-malformed', 'Vary nonsense', { answer: [fresh, ['Vary', 'a b']] }],
    ['vary-malformed', 'Vary by a name that objects choke on', { answer: [fresh, ['Vary', '__proto__']] }],
    [
      'vary-too-long',
      'Vary by everything',
      {
        answer: [fresh, ['Vary', Array.from({ length: 17 }, (_, i) => `a${i}`).join()]],
      },
    ],
  ])
})

t.test('by status', async t => {
  for (const status of [200, 203, 204, 299, 302, 303, 307, 400, 404, 500, 502, 503, 504, 599]) {
    t.equal(verdict({ status, answer: [fresh, date] }), 'stored', `${status} with a lifetime`)
    const stale = verdict({ status, answer: [['Expires', -5000], ['Last-Modified', -100000], date] })
    const isPlain = status === 200 || status === 203
    t.equal(stale, isPlain ? 'stored' : 'error-without-lifetime', `${status} that has expired`)
  }
  for (const status of [100, 199, 304, 401, 408, 412, 413, 416, 429, 431, 600, 999]) {
    t.equal(verdict({ status, answer: [fresh] }), 'status', `${status}`)
  }
  t.equal(verdict({ status: 500 }), 'error-without-lifetime')
  t.equal(verdict({ status: 302, answer: [etag] }), 'error-without-lifetime')
})

t.test('by content', async t => {
  const html: Line = ['Content-Type', 'Text/HTML; charset=utf-8']
  const at = (target: string): Case => ({ request: request([], { target }), answer: [fresh, html] })
  table(t, [
    ['html-behind-asset', 'a script', at('/app.js')],
    ['html-behind-asset', 'a script with a query', at('/app.JS?v=1.2')],
    ['html-behind-asset', 'an escaped dot', at('/account%2ecss')],
    ['html-behind-asset', 'an escaped slash', at('/static/..%2faccount/k.css')],
    ['html-behind-asset', 'a path parameter', at('/account;x.css')],
    ['html-behind-asset', 'cut at the parameter', at('/k.css;jsessionid=1')],
    ['stored', 'a page', at('/index.html')],
    ['stored', 'a folder', at('/x.js/')],
    ['stored', 'a page below a folder', at('/x.js/page?f=a.js')],
    [
      'stored',
      'a script',
      { request: request([], { target: '/app.js' }), answer: [fresh, ['Content-Type', 'text/javascript']] },
    ],
    ['event-stream', 'events', { answer: [fresh, ['Content-Type', 'text/event-stream;charset=utf-8']] }],
    ['event-stream', 'a camera', { answer: [fresh, ['Content-Type', 'multipart/x-mixed-replace; boundary=x']] }],
    ['too-large', 'too long', { answer: [fresh, ['Content-Length', '11']], settings: { maxObjectBytes: 10 } }],
    ['stored', 'just fits', { answer: [fresh, ['Content-Length', '10']], settings: { maxObjectBytes: 10 } }],
    ['length-malformed', 'no length', { answer: [fresh, ['Content-Length', 'x']] }],
    ['stored', 'a field that means nothing in a 200', { answer: [fresh, ['Content-Range', 'ananas']] }],
  ])
})

t.test('parts', async t => {
  const ranged = request([['Range', 'bytes=0-4']])
  const part = (contentRange: string, more: Line[] = []): Case => ({
    request: ranged,
    status: 206,
    answer: [fresh, ['Content-Range', contentRange], ...more],
  })
  table(t, [
    ['stored', 'a part', part('bytes 0-4/10', [['Content-Length', '5']])],
    ['stored', 'of unknown total', part('bytes 0-4/*')],
    ['partial-malformed', 'a length that contradicts', part('bytes 4-9/10', [['Content-Length', '5']])],
    ['partial-malformed', 'beyond the end', part('bytes 0-10/10')],
    ['partial-malformed', 'no range', part('ananas')],
    ['partial-multipart', 'several', part('bytes 0-4/10', [['Content-Type', 'multipart/byteranges; boundary=x']])],
    ['partial-unasked', 'unasked', { ...part('bytes 0-4/10'), request: request() }],
    ['partial', 'where the route does not want it', { ...part('bytes 0-4/10'), settings: { storePartial: false } }],
    [
      'error-without-lifetime',
      'without a lifetime',
      {
        request: ranged,
        status: 206,
        answer: [etag, ['Content-Range', 'bytes 0-4/10']],
      },
    ],
  ])
  t.strictSame(kept([fresh, ['Content-Range', 'bytes 0-4/10']], { request: ranged, status: 206 }).isPartial, {
    first: 0,
    last: 4,
    total: 10,
  })
})

t.test('what is kept of an answer', async t => {
  const lines: Line[] = [
    ...([
      ['Connection', 'x'],
      ['Keep-Alive', 'x'],
      ['TE', 'x'],
      ['Proxy-Authenticate', 'x'],
    ] as Line[]),
    ...([
      ['Proxy-Authentication-Info', 'x'],
      ['Proxy-Authorization', 'x'],
      ['Proxy-Connection', 'x'],
    ] as Line[]),
    ...([['Age', '7'], ['a', '1'], ['b', '2'], ['Cache-Control', 'no-cache="a"'], fresh] as Line[]),
    ...([
      ['Surrogate-Key', 'one two'],
      ['Vary', 'Foo, accept-language'],
      ['ETag', 'W/"x"'],
    ] as Line[]),
  ]
  const head = kept(lines, {
    request: request([
      ['foo', ' 1, 2 '],
      ['Accept-Language', 'en, de'],
    ]),
  })
  t.strictSame(head.headers, [
    ...['b', '2', 'Cache-Control', 'no-cache="a"', 'Cache-Control', 'max-age=3600', 'Surrogate-Key', 'one two'],
    ...['Vary', 'Foo, accept-language', 'ETag', 'W/"x"', 'Date', 'Sun, 22 Nov 2026 12:00:00 GMT'],
  ])
  t.strictSame(head.varyValues, { 'accept-language': 'de,en', foo: '1,2' })
  t.strictSame(head.tags, ['one', 'two'])
  t.strictSame(head.freshness, { lifetimeMs: 3600_000, initialAgeMs: 7000, source: 'max-age' })
  t.equal(head.etag, 'W/"x"')
  t.strictSame(JSON.parse(JSON.stringify(head)), head, 'it survives a store that speaks JSON')
})

const someName = fc.constantFrom(
  'Cache-Control',
  'Vary',
  'Expires',
  'Age',
  'ETag',
  'Date',
  'CDN-Cache-Control',
  'Content-Range',
)
const someLines = fc.array(fc.tuple(someName, fc.string({ unit: 'binary', maxLength: 30 })), { maxLength: 6 })

t.test('no head makes the rules throw, and Set-Cookie is never kept', async () => {
  fc.assert(
    fc.property(someLines, someLines, fc.integer({ min: 0, max: 1000 }), (asked, answered, status) => {
      const given: Case = { request: request(asked), status, answer: [fresh, ...answered, ['Set-Cookie', 's=1']] }
      return verdict(given) !== 'stored' && flat(answered).length % 2 === 0
    }),
  )
})
