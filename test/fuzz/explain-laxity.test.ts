import t from 'tap'
import { explainLaxity } from './explain-laxity.ts'
import type { RivalName } from './rivals.ts'

const get = (target: string, lines = '', version = '1.1') => `GET ${target} HTTP/${version}\r\nHost: a\r\n${lines}\r\n`
const many = Array.from({ length: 150 }, (_, i) => `X-${i}: v\r\n`).join('')

t.test('why another proxy forwards less', t => {
  const cases: [bytes: string, rival: RivalName, forwarded: number, reason: string | null][] = [
    [get('/'), 'nginx', 0, null],
    [get('/'), 'nginx', 1, null],
    [get('/') + get('/%'), 'nginx', 1, 'a percent sign without two digits behind it'],
    [get('/') + get('/%'), 'haproxy', 1, null],
    [get('/') + get('/%'), 'nginx', 0, null],
    [get('/a%00b'), 'nginx', 0, 'an encoded NUL in a target'],
    [`\r${get('/')}`, 'haproxy', 0, 'a bare CR in front of a request line'],
    [`\r\n${get('/')}`, 'haproxy', 0, null],
    [get('/', many), 'haproxy', 0, 'more than 100 lines'],
    [get(`/${'x'.repeat(9_000)}`), 'nginx', 0, 'a target of more than 8 KB'],
    [get('http://b/'), 'haproxy', 0, 'an absolute target of another authority than Host'],
    [get('http://a/'), 'haproxy', 0, null],
    [get('/', 'Upgrade: websocket\r\n'), 'haproxy', 0, 'a handshake of WebSocket without a key'],
    [`${get('/', 'Content-Length: 1\r\n', '1.0')}x`, 'haproxy', 0, 'content of a GET, HEAD or DELETE over HTTP/1.0'],
  ]
  for (const [bytes, name, forwarded, reason] of cases)
    t.equal(explainLaxity(bytes, { name, forwarded }), reason, `${name}: ${bytes.slice(0, 60)}`)
  t.end()
})
