import t from 'tap'
import type { ExchangeRequest } from '../../../../plugins/upstream/exchange.ts'
import { decideRequestFraming, encodeHead, encodeLastChunk } from '../../../../plugins/upstream/h1/encode-head.ts'

const base: ExchangeRequest = { method: 'GET', path: '/', headers: ['Host', 'a.test'], body: null, bodyLength: null }

t.test('a head is written byte for byte as it was given, with the framing added', async t => {
  const cases: [Partial<ExchangeRequest>, string][] = [
    [{}, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    [
      { path: '/a%2Fb?c=\xe9', headers: ['hOsT', 'a', 'X', '', 'x', 'b\t\xff'] },
      'GET /a%2Fb?c=\xe9 HTTP/1.1\r\nhOsT: a\r\nX: \r\nx: b\t\xff\r\n\r\n',
    ],
    [{ method: 'OPTIONS', path: '*' }, 'OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    [{ method: 'M-SEARCH' }, 'M-SEARCH / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    [
      { method: 'PUT', body: Buffer.from('hello'), bodyLength: 5 },
      'PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n',
    ],
    [
      { method: 'PUT', body: Buffer.from('hello') },
      'PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ]
  for (const [part, text] of cases) t.strictSame(encodeHead({ ...base, ...part }), { text, problem: null })
})

t.test('a request without a body says so where one is expected', async t => {
  const cases: [string, number | null, string][] = [
    ['GET', null, 'none'],
    ['GET', 0, 'none'],
    ['HEAD', 0, 'none'],
    ['DELETE', null, 'none'],
    ['DELETE', 0, 'zero'],
    ['PROPFIND', 0, 'zero'],
    ['POST', null, 'zero'],
    ['PUT', null, 'zero'],
    ['PATCH', 0, 'zero'],
    ['POST', 5, 'invalid'],
  ]
  for (const [method, bodyLength, body] of cases) {
    t.equal(decideRequestFraming({ ...base, method, bodyLength }).body, body, `${method} ${bodyLength}`)
  }
})

t.test('a request that an origin could read as another one is refused', async t => {
  const cases: [Partial<ExchangeRequest>, string][] = [
    [{ method: '' }, 'bad method'],
    [{ method: 'GE T' }, 'bad method'],
    [{ method: 'GET\r\n' }, 'bad method'],
    [{ method: 'CONNECT' }, 'bad method'],
    [{ path: '' }, 'bad request target'],
    [{ path: 'a' }, 'bad request target'],
    [{ path: 'http://b/' }, 'bad request target'],
    [{ path: '/a b' }, 'bad request target'],
    [{ path: '/a\r\nX: 1' }, 'bad request target'],
    [{ path: '/a\tb' }, 'bad request target'],
    [{ path: '/\x7f' }, 'bad request target'],
    [{ path: '/\u010d' }, 'bad request target'],
    [{ headers: ['A'] }, 'a field without a value'],
    [{ headers: ['', 'b'] }, 'bad field name'],
    [{ headers: ['A ', 'b'] }, 'bad field name'],
    [{ headers: ['A:', 'b'] }, 'bad field name'],
    [{ headers: ['A', 'b\r\nC: d'] }, 'bad field value'],
    [{ headers: ['A', 'b\nc'] }, 'bad field value'],
    [{ headers: ['A', 'b\0'] }, 'bad field value'],
    [{ headers: ['A', 'b\u010dc'] }, 'bad field value'],
    [{ headers: ['content-length', '5'] }, 'a framing field among the headers'],
    [{ headers: ['Transfer-Encoding', 'chunked'] }, 'a framing field among the headers'],
    [{ body: Buffer.from('abc'), bodyLength: 4 }, 'a length other than that of the body'],
    [{ body: Buffer.from('abc'), bodyLength: -1 }, 'bad length of the body'],
    [{ body: Buffer.from('abc'), bodyLength: Number.NaN }, 'bad length of the body'],
  ]
  for (const [part, problem] of cases) {
    t.strictSame(encodeHead({ ...base, ...part }), { problem }, JSON.stringify(part))
  }
})

t.test('a head like those before is looked at as closely', async t => {
  const withId = (id: string) => ({ ...base, headers: ['Host', 'a.test', 'Cookie', 'c=1', 'X-Request-Id', id] })
  for (let id = 1; id < 6; id++) {
    const text = `GET / HTTP/1.1\r\nHost: a.test\r\nCookie: c=1\r\nX-Request-Id: ${id}\r\n\r\n`
    t.strictSame(encodeHead(withId(`${id}`)), { text, problem: null })
  }
  t.strictSame(encodeHead(withId('6\r\nX: y')), { problem: 'bad field value' })
  const smuggled = { ...base, headers: ['Host', 'a.test', 'Cookie', 'c=1', 'Content-Length', '7'] }
  for (let times = 0; times < 3; times++) {
    t.strictSame(encodeHead(smuggled), { problem: 'a framing field among the headers' })
  }
})

t.test('trailers go behind the last chunk, without those that change the meaning of a head', async t => {
  t.equal(encodeLastChunk(null), '0\r\n\r\n')
  t.equal(encodeLastChunk([]), '0\r\n\r\n')
  t.equal(encodeLastChunk(['X-A', '1', 'x-a', '2']), '0\r\nX-A: 1\r\nx-a: 2\r\n\r\n')
  t.equal(encodeLastChunk(['Content-Length', '100', 'Authorization', 'x', 'B', '1']), '0\r\nB: 1\r\n\r\n')
  t.equal(encodeLastChunk(['A', 'b\r\n\r\nGET']), null)
  t.equal(encodeLastChunk(['A b', 'c']), null)
})
