/** The head of a request as HTTP/2 fields. */
import t from 'tap'
import type { ExchangeRequest } from '../../../../plugins/upstream/exchange.ts'
import { encodeH2Head } from '../../../../plugins/upstream/h2/request-head.ts'

const origin = { scheme: 'https', authority: 'origin.test:8443' } as const
const request = (more: Partial<ExchangeRequest>): ExchangeRequest => ({
  method: 'GET',
  path: '/',
  headers: ['Host', 'app.test'],
  body: null,
  bodyLength: null,
  ...more,
})
const pseudo = (method = 'GET', path = '/', authority = 'app.test') => [
  ':method',
  method,
  ':scheme',
  'https',
  ':authority',
  authority,
  ':path',
  path,
]
const body = Buffer.from('hello')

t.test('what is sent', async t => {
  const cases: [string, Partial<ExchangeRequest>, string[]][] = [
    ['Host becomes :authority', {}, pseudo()],
    ['without Host it is the origin', { headers: [] }, pseudo('GET', '/', 'origin.test:8443')],
    ['a target byte for byte', { path: '/a%2Fb//\xe9?x' }, pseudo('GET', '/a%2Fb//\xe9?x')],
    ['the asterisk', { method: 'OPTIONS', path: '*' }, pseudo('OPTIONS', '*')],
    [
      'names in lower case, order and repetition kept',
      { headers: ['X-B', '1', 'X-A', '2', 'X-B', '3', 'Cookie', 'a', 'Cookie', 'b', 'HOST', 'app.test'] },
      [...pseudo(), 'x-b', '1', 'x-a', '2', 'x-b', '3', 'cookie', 'a', 'cookie', 'b'],
    ],
    [
      'nothing of the connection',
      { headers: ['Host', 'app.test', 'Connection', 'x', 'Keep-Alive', '1', 'Upgrade', 'h2c', 'TE', 'gzip', 'X', 'y'] },
      [...pseudo(), 'x', 'y'],
    ],
    ['te: trailers', { headers: ['Host', 'app.test', 'TE', 'trailers'] }, [...pseudo(), 'te', 'trailers']],
    ['a length', { method: 'PUT', body, bodyLength: 5 }, [...pseudo('PUT'), 'content-length', '5']],
    ['no length', { method: 'PUT', body }, pseudo('PUT')],
    ['an empty POST', { method: 'POST' }, [...pseudo('POST'), 'content-length', '0']],
  ]
  for (const [name, more, fields] of cases) t.strictSame(encodeH2Head(request(more), origin).fields, fields, name)
})

t.test('what is refused', async t => {
  const cases: [string, Partial<ExchangeRequest>][] = [
    ['bad method', { method: 'G T' }],
    ['bad method', { method: 'CONNECT' }],
    ['bad request target', { path: 'x' }],
    ['bad request target', { path: '/a b' }],
    ['bad field name', { headers: ['x y', '1'] }],
    ['bad field name', { headers: [':path', '/admin'] }],
    ['bad field value', { headers: ['x', 'a\r\nb: c'] }],
    ['a field without a value', { headers: ['x'] }],
    ['more than one Host', { headers: ['Host', 'a', 'host', 'b'] }],
    ['a framing field among the headers', { headers: ['Content-Length', '5'] }],
    ['a framing field among the headers', { headers: ['Transfer-Encoding', 'chunked'] }],
    ['a length other than that of the body', { body, bodyLength: 4 }],
  ]
  for (const [problem, more] of cases) {
    t.strictSame(encodeH2Head(request(more), origin), { fields: null, problem }, problem)
  }
})
